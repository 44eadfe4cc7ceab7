//! The statements that ask about metadata.

use super::pattern;
use crate::client::{Error, Result};

/// A SHOW statement in the making.
#[derive(Debug)]
pub(super) struct Sql(String);

impl Sql {
    pub(super) fn show(what: &str) -> Self {
        Self(format!("SHOW {what}"))
    }

    /// One more word.
    pub(super) fn word(mut self, word: &str) -> Self {
        self.0.push(' ');
        self.0.push_str(word);
        self
    }

    /// One catalog, with `keyword` before its name, or all.
    pub(super) fn catalog(self, catalog: Option<&str>, keyword: &str) -> Result<Self> {
        Ok(match catalog {
            None => self.word("ALL CATALOGS"),
            Some(name) => self.word(&format!("{keyword}{}", identifier(name)?)),
        })
    }

    /// A pattern, with `keyword` before it; nothing where everything is wanted.
    pub(super) fn like(self, keyword: &str, wanted: Option<&str>) -> Result<Self> {
        let Some(wanted) = wanted else {
            return Ok(self);
        };
        let what = match keyword.trim() {
            "" => "name",
            "SCHEMA" => "schema",
            _ => "table",
        };
        pattern::check(wanted, what)?;
        Ok(self.word(&format!(
            "{keyword}LIKE '{}'",
            pattern::show_pattern(wanted)
        )))
    }

    /// The statement about one table.
    pub(super) fn table(self, catalog: &str, schema: &str, table: &str) -> Result<String> {
        Ok(self
            .word("IN CATALOG")
            .word(&identifier(catalog)?)
            .word("IN SCHEMA")
            .word(&identifier(schema)?)
            .word("IN TABLE")
            .word(&identifier(table)?)
            .text())
    }

    pub(super) fn text(self) -> String {
        self.0
    }
}

/// A name between back-quotes.
pub(super) fn identifier(name: &str) -> Result<String> {
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.trim().is_empty() {
        "is blank"
    } else if name.contains('\0') {
        "holds a NUL character"
    } else {
        return Ok(format!("`{}`", name.replace('`', "``")));
    };
    let name = name.escape_debug();
    Err(Error::invalid_argument(format!(
        "the name '{name}' {wrong}"
    )))
}

/// The statement about procedures, which patterns reach as they are.
pub(super) fn procedures(
    catalog: Option<&str>,
    schema_pattern: Option<&str>,
    name_pattern: Option<&str>,
) -> Result<String> {
    let source = match catalog {
        Some(catalog) => identifier(catalog)?,
        None => "system".to_owned(),
    };
    let mut sql = format!(
        "SELECT routine_catalog, routine_schema, routine_name, comment, specific_name \
         FROM {source}.information_schema.routines WHERE routine_type = 'PROCEDURE'"
    );
    for (column, wanted) in [
        ("routine_schema", schema_pattern),
        ("routine_name", name_pattern),
    ] {
        if let Some(wanted) = wanted {
            pattern::check(wanted, column)?;
            let wanted = literal(wanted);
            for part in [" AND ", column, " LIKE '", &wanted, "'"] {
                sql.push_str(part);
            }
        }
    }
    sql.push_str(" ORDER BY routine_catalog, routine_schema, routine_name");
    Ok(sql)
}

/// The inside of a string literal: SQL reads backslashes before LIKE does.
fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "''")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_name_catalogs_and_patterns() {
        let tables = |catalog| {
            Sql::show("TABLES IN")
                .catalog(catalog, "CATALOG ")
                .and_then(|sql| sql.like("SCHEMA ", Some("s%")))
                .and_then(|sql| sql.like("", Some("it's_")))
                .map(Sql::text)
        };
        assert_eq!(
            tables(Some("main")).unwrap(),
            "SHOW TABLES IN CATALOG `main` SCHEMA LIKE 's*' LIKE 'it''s.'"
        );
        assert_eq!(
            tables(None).unwrap(),
            "SHOW TABLES IN ALL CATALOGS SCHEMA LIKE 's*' LIKE 'it''s.'"
        );
        assert_eq!(
            Sql::show("KEYS").table("c", "s", "t").unwrap(),
            "SHOW KEYS IN CATALOG `c` IN SCHEMA `s` IN TABLE `t`"
        );
        let all = Sql::show("SCHEMAS IN").catalog(None, "").unwrap();
        assert_eq!(
            all.like("", Some("")).unwrap().text(),
            "SHOW SCHEMAS IN ALL CATALOGS LIKE ''"
        );
    }

    #[test]
    fn names_stay_between_their_quotes_or_are_refused() {
        for name in ["", " ", "a\0b"] {
            assert!(identifier(name).is_err(), "{name:?}");
        }
        assert_eq!(identifier("a b").unwrap(), "`a b`");
        assert_eq!(identifier("`; DROP``").unwrap(), "```; DROP`````");
    }

    #[test]
    fn procedures_are_asked_of_one_catalog_or_the_system() {
        let sql = procedures(Some("c"), None, Some("it's\\_")).unwrap();
        assert!(
            sql.contains("FROM `c`.information_schema.routines"),
            "{sql}"
        );
        assert!(sql.contains("routine_name LIKE 'it''s\\\\_'"), "{sql}");
        assert!(
            procedures(None, None, None)
                .unwrap()
                .contains("FROM system.")
        );
    }
}
