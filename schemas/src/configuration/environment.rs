//! `FOOTFALL_<SECTION>_<KEY>` variables, such as `FOOTFALL_COLLECTOR_LISTEN=0.0.0.0:80`, override the file.

use toml::{Table, Value};

use super::{Configuration, ConfigurationError};

/// Sections that variables reach; lists of sites and policies belong in the file.
const SECTIONS: [&str; 7] = ["collector", "limits", "keys", "kafka", "processor", "clickhouse", "ip_data"];

/// One setting from the environment.
pub(super) struct Override {
    variable: String,
    section: &'static str,
    key: String,
    value: String,
}

/// The variables that name a setting. Variables of other purpose (`FOOTFALL_ENGINE`) name no section.
pub(super) fn overrides(
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Vec<Override>, ConfigurationError> {
    let mut found: Vec<Override> =
        variables.filter_map(|(variable, value)| override_of(variable, value)).collect();
    found.sort_by(|a, b| a.variable.cmp(&b.variable));
    Ok(found)
}

fn override_of(variable: String, value: String) -> Option<Override> {
    let name = variable.strip_prefix("FOOTFALL_")?.to_ascii_lowercase();
    let section = SECTIONS
        .into_iter()
        .find(|section| name.strip_prefix(section).is_some_and(|rest| rest.starts_with('_')))?;
    let key = name.strip_prefix(section)?.strip_prefix('_')?.to_owned();
    Some(Override { variable, section, key, value })
}

/// Puts the overrides into the file's table and reads it again.
pub(super) fn merge(mut table: Table, overrides: Vec<Override>) -> Result<Configuration, ConfigurationError> {
    let mut configuration = None;
    for one in overrides {
        let section = table.entry(one.section).or_insert_with(|| Value::Table(Table::new()));
        if let Some(section) = section.as_table_mut() {
            section.insert(one.key.clone(), value_of(&one.value));
        }
        configuration = Some(table.clone().try_into().map_err(|error| refusal(&one, &error))?);
    }
    configuration.ok_or_else(|| ConfigurationError::Invalid("no variable to merge".into()))
}

/// A number, a boolean or a list as TOML writes it; anything else is text.
fn value_of(text: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}")).ok();
    let value = parsed.and_then(|mut table| table.remove("value"));
    match value {
        Some(value @ (Value::Integer(_) | Value::Boolean(_) | Value::Array(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

fn refusal(one: &Override, error: &toml::de::Error) -> ConfigurationError {
    if error.message().contains("unknown field") {
        return ConfigurationError::UnknownVariable(one.variable.clone());
    }
    ConfigurationError::Syntax { name: one.variable.clone(), error: error.message().to_owned() }
}
