//! What must not compile: only an `AnonymousVisit` becomes a row, and nothing skips a stage.

#[test]
fn only_anonymous_visits_become_rows() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/enriched_is_no_row.rs");
    cases.compile_fail("tests/ui/raw_is_no_row.rs");
    cases.compile_fail("tests/ui/row_has_no_public_fields.rs");
    cases.compile_fail("tests/ui/used_visit_is_gone.rs");
}
