//! Parameters that come as texts with the names of their SQL types.

mod kind;
#[cfg(test)]
mod tests;
mod text;

use self::kind::{Kind, base_of};
use super::wire::StatementParameter;
use super::{Error, Result};

/// Most places that `?` markers may have.
const MOST_PLACES: i64 = 65_535;

/// What has been bound to a statement: by name or by place, never both.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    named: Vec<StatementParameter>,
    placed: Vec<Option<StatementParameter>>,
}

impl Bindings {
    /// Binds the `ordinal`-th `?`, from 1. Binding again overwrites; places left out are NULL.
    pub fn bind_place(&mut self, ordinal: i64, value: Option<&str>, sql_type: &str) -> Result<()> {
        if !(1..=MOST_PLACES).contains(&ordinal) {
            return Err(Error::invalid_argument(format!(
                "the ordinal {ordinal} of a parameter is not between 1 and {MOST_PLACES}"
            )));
        }
        if !self.named.is_empty() {
            return Err(mixed());
        }
        let place = usize::try_from(ordinal - 1).unwrap_or_default();
        let mut parameter = typed(value, sql_type)?;
        parameter.ordinal = u32::try_from(ordinal).ok();
        if self.placed.len() <= place {
            self.placed.resize(place + 1, None);
        }
        self.placed[place] = Some(parameter);
        Ok(())
    }

    /// Binds `:name`. Binding again overwrites.
    pub fn bind_name(&mut self, name: &str, value: Option<&str>, sql_type: &str) -> Result<()> {
        if name.is_empty() {
            return Err(Error::invalid_argument("the name of a parameter is empty"));
        }
        if !self.placed.is_empty() {
            return Err(mixed());
        }
        let mut parameter = typed(value, sql_type)?;
        parameter.name = Some(name.to_owned());
        self.named
            .retain(|bound| bound.name.as_deref() != Some(name));
        self.named.push(parameter);
        Ok(())
    }

    /// What is sent.
    #[must_use]
    pub fn parameters(&self) -> Vec<StatementParameter> {
        let places = (1..).zip(&self.placed).map(|(ordinal, bound)| {
            bound.clone().unwrap_or(StatementParameter {
                name: None,
                ordinal: Some(ordinal),
                sql_type: "STRING".to_owned(),
                value: None,
            })
        });
        self.named.iter().cloned().chain(places).collect()
    }
}

fn mixed() -> Error {
    Error::invalid_argument(
        "named and positional parameters are mutually exclusive; pass only one kind",
    )
}

/// A value as text, checked against the name of its SQL type.
///
/// # Errors
/// `InvalidArgument` when the type cannot be bound or the text is no value of it.
pub fn typed(value: Option<&str>, sql_type: &str) -> Result<StatementParameter> {
    let kind = Kind::parse(sql_type);
    let (sql_type, value) = match (kind, value) {
        (Some(kind), Some(value)) => kind.wire(value)?,
        (Some(kind), None) => (kind.null_type(), None),
        // Whatever its type, NULL is NULL.
        (None, None) => ("STRING".to_owned(), None),
        (None, Some(_)) => return Err(unbindable(sql_type)),
    };
    Ok(StatementParameter {
        name: None,
        ordinal: None,
        sql_type,
        value,
    })
}

fn unbindable(sql_type: &str) -> Error {
    let base = base_of(sql_type);
    let way_out = if matches!(base.as_str(), "ARRAY" | "MAP" | "STRUCT") {
        "; write a literal, or bind a JSON text and read it with from_json"
    } else {
        ""
    };
    Error::invalid_argument(format!(
        "the SQL type '{sql_type}' cannot be bound as a parameter{way_out}"
    ))
}
