//! What the documents show must work.

use schemas::configuration::Configuration;
use tests::program::repository;

#[test]
fn every_configuration_in_the_readme_is_accepted() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let blocks: Vec<&str> =
        readme.split("```toml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect();
    assert!(blocks.len() >= 2, "the README shows configurations");
    for block in blocks {
        Configuration::parse(block, "README.md", std::iter::empty())
            .unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}
