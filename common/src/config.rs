//! A function's configuration: the only reader of the environment.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that reads the environment"
)]

use std::collections::BTreeMap;
use std::env;
use std::fmt;

use tracing::Level;

/// Which tables a function works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `TABLE_NAME`: the orders. `lambda-apigateway` by default.
    pub table: String,
    /// `IDEMPOTENCY_TABLE_NAME`: the keys of `create-order`. `<TABLE_NAME>-idempotency` by default.
    pub idempotency_table: String,
    /// `ENVELOPE_TABLES`: the envelope's allow-list, comma-separated `logical=real`.
    /// `lambda-apigateway=<TABLE_NAME>` by default.
    pub envelope_tables: BTreeMap<String, String>,
}

/// The original service's table, and so the default.
pub const DEFAULT_TABLE: &str = "lambda-apigateway";

/// An unusable value of a variable.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    variable: &'static str,
    requirement: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the environment variable {} {}",
            self.variable, self.requirement
        )
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// What the environment says.
    pub fn from_env() -> Result<Self, ConfigError> {
        let read = |variable: &'static str| match env::var(variable) {
            Ok(value) => Ok(Some(value)),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(ConfigError {
                variable,
                requirement: "must be UTF-8",
            }),
        };
        Self::from_values(
            read("TABLE_NAME")?.as_deref(),
            read("IDEMPOTENCY_TABLE_NAME")?,
            read("ENVELOPE_TABLES")?.as_deref(),
        )
    }

    /// The configuration with `table` as the orders' table and everything else by default.
    #[must_use]
    pub fn for_table(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            idempotency_table: format!("{table}-idempotency"),
            envelope_tables: [(DEFAULT_TABLE.to_owned(), table.to_owned())].into(),
        }
    }

    fn from_values(
        table: Option<&str>,
        idempotency_table: Option<String>,
        envelope_tables: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::for_table(table.unwrap_or(DEFAULT_TABLE));
        check_table_name("TABLE_NAME", &config.table)?;
        if let Some(name) = idempotency_table {
            config.idempotency_table = name;
        }
        check_table_name("IDEMPOTENCY_TABLE_NAME", &config.idempotency_table)?;
        if let Some(list) = envelope_tables {
            config.envelope_tables = parse_tables(list)?;
        }
        Ok(config)
    }
}

/// `AWS_LAMBDA_LOG_FORMAT`: lines of JSON unless it says `Text`.
#[must_use]
pub fn log_format_is_json() -> bool {
    !env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("text"))
}

/// `AWS_LAMBDA_LOG_LEVEL`: `INFO` unless it says `TRACE`, `DEBUG`, `WARN`, `ERROR` or `FATAL`.
#[must_use]
pub fn log_level() -> Level {
    match env::var("AWS_LAMBDA_LOG_LEVEL")
        .unwrap_or_default()
        .to_ascii_uppercase()
        .as_str()
    {
        "TRACE" => Level::TRACE,
        "DEBUG" => Level::DEBUG,
        "WARN" => Level::WARN,
        "ERROR" | "FATAL" => Level::ERROR,
        _ => Level::INFO,
    }
}

/// `AWS_ACCESS_KEY_ID`: whether the environment has credentials. For local mode alone.
#[must_use]
pub fn has_credentials() -> bool {
    env::var("AWS_ACCESS_KEY_ID").is_ok()
}

/// `AWS_REGION`, `AWS_DEFAULT_REGION`: whether the environment has a region. For local mode alone.
#[must_use]
pub fn region_is_set() -> bool {
    env::var("AWS_REGION").is_ok() || env::var("AWS_DEFAULT_REGION").is_ok()
}

/// `logical=real,logical=real`; an empty list allows no table.
fn parse_tables(list: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    const VARIABLE: &str = "ENVELOPE_TABLES";
    let mut tables = BTreeMap::new();
    for pair in list
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
    {
        let requirement = "must be a comma-separated list of logical=real, each logical name once";
        let malformed = ConfigError {
            variable: VARIABLE,
            requirement,
        };
        let Some((logical, real)) = pair.split_once('=') else {
            return Err(malformed);
        };
        check_table_name(VARIABLE, real.trim())?;
        let logical = logical.trim();
        if logical.is_empty()
            || tables
                .insert(logical.to_owned(), real.trim().to_owned())
                .is_some()
        {
            return Err(malformed);
        }
    }
    Ok(tables)
}

/// DynamoDB's naming rules
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>).
fn check_table_name(variable: &'static str, name: &str) -> Result<(), ConfigError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if (3..=255).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    let requirement = "must name tables of 3 to 255 characters of A-Z a-z 0-9 _ - .";
    Err(ConfigError {
        variable,
        requirement,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn everything_has_a_default() {
        let config = Config::from_values(None, None, None).unwrap();
        assert_eq!(config, Config::for_table("lambda-apigateway"));
        assert_eq!(config.idempotency_table, "lambda-apigateway-idempotency");
    }

    #[test]
    fn the_defaults_follow_the_table() {
        let config = Config::from_values(Some("prod-orders"), None, None).unwrap();
        assert_eq!(config.idempotency_table, "prod-orders-idempotency");
        assert_eq!(config.envelope_tables["lambda-apigateway"], "prod-orders");
    }

    #[test]
    fn the_allow_list_maps_logical_to_real_names() {
        let config = Config::from_values(None, None, Some("a=tbl-a, b=tbl-b")).unwrap();
        assert_eq!(config.envelope_tables["b"], "tbl-b");
        assert_eq!(config.envelope_tables.len(), 2);
    }

    #[rstest]
    #[case("a")]
    #[case("=real")]
    #[case("a=x")]
    #[case("a=tbl-a,a=tbl-b")]
    fn an_unusable_allow_list_names_its_variable(#[case] list: &str) {
        let error = Config::from_values(None, None, Some(list)).unwrap_err();
        assert!(error.to_string().contains("ENVELOPE_TABLES"), "{error}");
    }

    #[test]
    fn an_unusable_table_name_names_its_variable() {
        let error = Config::from_values(Some("a b"), None, None).unwrap_err();
        assert!(error.to_string().contains("TABLE_NAME"), "{error}");
    }
}
