//! Values brought to the markers of a statement.

use std::borrow::Cow;
use std::fmt;

use super::markers::{Form, Marker, markers};
use super::value::Value;
use super::{MOST_PARAMETERS, MOST_TEXT};
use crate::client::wire::StatementParameter;

/// The values of one execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// For markers with names.
    Named(Vec<(String, Value)>),
    /// For markers without, in order.
    Placed(Vec<Value>),
}

/// A statement as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundStatement<'a> {
    /// The text, unchanged where it can be.
    pub sql: Cow<'a, str>,
    /// What is left for the service to bind.
    pub parameters: Vec<StatementParameter>,
}

/// Why values and markers do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindError(String);

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BindError {}

/// A statement and its markers.
#[derive(Clone, Debug)]
pub struct Template<'a> {
    sql: &'a str,
    markers: Vec<Marker>,
    /// Whether values are written into the text, all of them.
    inline: bool,
}

/// What becomes of a marker.
enum Place {
    /// It stays as it is.
    Stays,
    /// It is written in the service's own way.
    Renamed(String),
    /// The value takes its place.
    Literal(usize),
    /// A percent sign takes its place.
    PercentSign,
}

impl<'a> Template<'a> {
    /// Finds the markers of a statement; `inline` writes all values into its text.
    #[must_use]
    pub fn parse(sql: &'a str, inline: bool) -> Self {
        Self {
            sql,
            markers: markers(sql),
            inline,
        }
    }

    /// The statement with the values.
    pub fn bind(&self, values: Values) -> Result<BoundStatement<'a>, BindError> {
        match values {
            Values::Named(values) => self.bind_named(values),
            Values::Placed(values) => self.bind_placed(values),
        }
    }

    fn bind_named(&self, values: Vec<(String, Value)>) -> Result<BoundStatement<'a>, BindError> {
        let find = |name: &str| values.iter().position(|(given, _)| given == name);
        let native = self
            .markers
            .iter()
            .any(|marker| matches!(marker.form, Form::Named(_)));
        let mut bound: Vec<bool> = vec![false; values.len()];
        let mut room = self.room();
        let mut places = Vec::with_capacity(self.markers.len());
        let mut with_percent = false;
        for marker in &self.markers {
            let (name, percent) = match &marker.form {
                Form::Named(name) => (name, false),
                Form::PercentNamed(name) => (name, true),
                Form::PercentSign => {
                    places.push(Place::PercentSign);
                    continue;
                }
                Form::Question | Form::Percent => {
                    places.push(Place::Stays);
                    continue;
                }
            };
            let Some(index) = find(name) else {
                if percent && native {
                    places.push(Place::Stays);
                    continue;
                }
                return Err(self.missing(marker, &values));
            };
            with_percent |= percent;
            let sendable = bound[index] || (room > 0 && values[index].1.has_parameter_type());
            if sendable && !bound[index] {
                bound[index] = true;
                room -= 1;
            }
            places.push(match (sendable, percent) {
                (false, _) => Place::Literal(index),
                (true, true) => Place::Renamed(native_marker(name)),
                (true, false) => Place::Stays,
            });
        }
        if let (false, Some(question)) = (
            native || with_percent || values.is_empty(),
            self.first(&Form::Question),
        ) {
            return Err(self.takes_places(question));
        }
        let sql = self.render(&places, with_percent, |index| &values[index].1)?;
        let parameters = values
            .into_iter()
            .zip(bound)
            .filter(|((name, value), bound)| {
                // What no marker names goes along: the service ignores it, and knows markers best.
                let spare = !bound && room > 0 && value.has_parameter_type() && !self.names(name);
                room -= usize::from(spare);
                *bound || spare
            })
            .map(|((name, value), _)| value.into_parameter(Some(name), None))
            .collect();
        Ok(BoundStatement { sql, parameters })
    }

    /// Whether a marker has the name.
    fn names(&self, name: &str) -> bool {
        self.markers.iter().any(|marker| match &marker.form {
            Form::Named(named) | Form::PercentNamed(named) => named == name,
            _ => false,
        })
    }

    /// One value for each marker, in their order.
    pub fn arrange(&self, values: Values) -> Result<Vec<Value>, BindError> {
        let values = match values {
            Values::Placed(values) => {
                let form = self.placed_form();
                let count = self
                    .markers
                    .iter()
                    .filter(|marker| marker.form == form)
                    .count();
                return if count == values.len() {
                    Ok(values)
                } else {
                    Err(self.miscounted(&form, count, values.len()))
                };
            }
            Values::Named(values) => values,
        };
        let names = self.markers.iter().filter_map(|marker| match &marker.form {
            Form::Named(name) | Form::PercentNamed(name) => Some(Ok((marker, name))),
            Form::PercentSign => None,
            Form::Question | Form::Percent if values.is_empty() => {
                Some(Err(self.missing(marker, &values)))
            }
            Form::Question | Form::Percent => Some(Err(self.takes_places(marker))),
        });
        names
            .map(|marker| {
                let (marker, name) = marker?;
                let found = values.iter().find(|(given, _)| given == name);
                found
                    .map(|(_, value)| value.clone())
                    .ok_or_else(|| self.missing(marker, &values))
            })
            .collect()
    }

    fn bind_placed(&self, values: Vec<Value>) -> Result<BoundStatement<'a>, BindError> {
        let form = self.placed_form();
        let count = self
            .markers
            .iter()
            .filter(|marker| marker.form == form)
            .count();
        if count != values.len() {
            return Err(self.miscounted(&form, count, values.len()));
        }
        let with_percent = form == Form::Percent && count > 0;
        let mut room = self.room();
        let mut places = Vec::with_capacity(self.markers.len());
        let mut sent = Vec::with_capacity(count);
        for marker in &self.markers {
            places.push(if marker.form == form {
                let index = sent.len();
                let sendable = room > 0 && values[index].has_parameter_type();
                room -= usize::from(sendable);
                sent.push(sendable);
                match (sendable, with_percent) {
                    (false, _) => Place::Literal(index),
                    (true, true) => Place::Renamed("?".to_owned()),
                    (true, false) => Place::Stays,
                }
            } else if marker.form == Form::PercentSign {
                Place::PercentSign
            } else {
                Place::Stays
            });
        }
        let sql = self.render(&places, with_percent, |index| &values[index])?;
        let parameters = values
            .into_iter()
            .zip(sent)
            .filter_map(|(value, sent)| sent.then_some(value))
            .zip(1..)
            .map(|(value, ordinal)| value.into_parameter(None, Some(ordinal)))
            .collect();
        Ok(BoundStatement { sql, parameters })
    }

    /// The form of the markers that take values by place.
    fn placed_form(&self) -> Form {
        if self.first(&Form::Question).is_some() {
            Form::Question
        } else {
            Form::Percent
        }
    }

    /// How many values can be parameters.
    fn room(&self) -> usize {
        if self.inline { 0 } else { MOST_PARAMETERS }
    }

    fn first(&self, form: &Form) -> Option<&Marker> {
        self.markers.iter().find(|marker| marker.form == *form)
    }

    fn text(&self, marker: &Marker) -> &'a str {
        &self.sql[marker.range.clone()]
    }

    /// The text with every marker in its place.
    fn render<'v>(
        &self,
        places: &[Place],
        with_percent: bool,
        value: impl Fn(usize) -> &'v Value,
    ) -> Result<Cow<'a, str>, BindError> {
        let changes = |place: &Place| match place {
            Place::Stays => false,
            Place::PercentSign => with_percent,
            Place::Renamed(_) | Place::Literal(_) => true,
        };
        if !places.iter().any(changes) {
            return Ok(Cow::Borrowed(self.sql));
        }
        let mut sql = String::with_capacity(self.sql.len());
        let mut at = 0;
        for (marker, place) in self.markers.iter().zip(places) {
            self.append(&mut sql, at..marker.range.start, with_percent);
            at = marker.range.end;
            match place {
                Place::PercentSign if with_percent => sql.push('%'),
                Place::Stays | Place::PercentSign => sql.push_str(self.text(marker)),
                Place::Renamed(name) => {
                    if sql.ends_with(':') && name.starts_with(':') {
                        sql.push(' ');
                    }
                    sql.push_str(name);
                }
                Place::Literal(index) => value(*index).write_operand(&mut sql, self.sql, marker),
            }
        }
        self.append(&mut sql, at..self.sql.len(), with_percent);
        if sql.len() > MOST_TEXT {
            return Err(BindError(format!(
                "the statement is {} bytes long with the values that are written into it, but the service takes \
                 {MOST_TEXT} at most; pass fewer or smaller values",
                sql.len()
            )));
        }
        Ok(Cow::Owned(sql))
    }

    /// Appends text between markers. Inline, percent signs are doubled in quotes, too, as Python's `%` has it.
    fn append(&self, sql: &mut String, range: std::ops::Range<usize>, with_percent: bool) {
        let text = &self.sql[range];
        if self.inline && with_percent {
            sql.push_str(&text.replace("%%", "%"));
        } else {
            sql.push_str(text);
        }
    }

    fn takes_places(&self, marker: &Marker) -> BindError {
        BindError(format!(
            "the marker {} takes a value by place, but the parameters have names; pass a list or a tuple, or write :name \
             markers",
            self.text(marker)
        ))
    }

    fn missing(&self, marker: &Marker, values: &[(String, Value)]) -> BindError {
        const SHOWN: usize = 8;
        let names: Vec<String> = values
            .iter()
            .take(SHOWN)
            .map(|(name, _)| format!("'{name}'"))
            .chain((values.len() > SHOWN).then(|| "...".to_owned()))
            .collect();
        let given = if names.is_empty() {
            "are empty".to_owned()
        } else {
            format!("have {}", names.join(", "))
        };
        BindError(format!(
            "there is no value for the marker {}; the parameters {given}",
            self.text(marker)
        ))
    }

    fn miscounted(&self, form: &Form, markers: usize, values: usize) -> BindError {
        let named =
            |marker: &&Marker| matches!(marker.form, Form::Named(_) | Form::PercentNamed(_));
        if let (0, Some(marker)) = (markers, self.markers.iter().find(named)) {
            return BindError(format!(
                "the marker {} takes a value by name, but the parameters are a sequence; pass a mapping, or write ? \
                 markers",
                self.text(marker)
            ));
        }
        let marker = if *form == Form::Percent && markers > 0 {
            "%s"
        } else {
            "?"
        };
        BindError(format!(
            "the statement has {markers} {marker} marker{} for {values} value{}; markers in quotes and comments do not \
             count",
            plural(markers),
            plural(values)
        ))
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The service's own marker for a name.
fn native_marker(name: &str) -> String {
    let plain =
        name.starts_with(super::lexer::starts_name) && super::lexer::name(name) == name.len();
    if plain {
        format!(":{name}")
    } else {
        format!(":`{}`", name.replace('`', "``"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Template, Values};
    use crate::client::sql::{MOST_PARAMETERS, SqlType, Value};

    fn int(number: usize) -> Value {
        Value::Scalar(SqlType::Int, Some(number.to_string()))
    }

    fn named(names: &[&str]) -> Values {
        let values = names.iter().zip(1..);
        Values::Named(
            values
                .map(|(name, number)| ((*name).to_owned(), int(number)))
                .collect(),
        )
    }

    fn placed(count: usize) -> Values {
        Values::Placed((1..=count).map(int).collect())
    }

    /// The text that is sent, and the parameters as `name=value`.
    fn bound(sql: &str, values: Values, inline: bool) -> Result<(String, Vec<String>), String> {
        let bound = Template::parse(sql, inline)
            .bind(values)
            .map_err(|error| error.to_string())?;
        let parameters = bound.parameters.into_iter().map(|parameter| {
            let key = parameter
                .name
                .or(parameter.ordinal.map(|ordinal| ordinal.to_string()));
            format!(
                "{}={}",
                key.unwrap_or_default(),
                parameter.value.unwrap_or_default()
            )
        });
        Ok((bound.sql.into_owned(), parameters.collect()))
    }

    #[test]
    fn native_markers_are_sent_untouched() {
        let sql = "SELECT :a, 5 %% 3, '%(a)s', 7 %(c)s, raw:b FROM t -- ?";
        let (text, parameters) = bound(sql, named(&["a"]), false).expect("bound");
        assert_eq!((text.as_str(), parameters), (sql, vec!["a=1".to_owned()]));
        let sql = "SELECT ?, 5 %s, 5 %% 3";
        let (text, parameters) = bound(sql, placed(1), false).expect("bound");
        assert_eq!((text.as_str(), parameters), (sql, vec!["1=1".to_owned()]));
    }

    #[test]
    fn markers_with_percent_signs_are_rewritten() {
        let (text, parameters) = bound(
            "SELECT %(a)s, %(b c)s, 5 %% 3, '%%' -- %(a)s",
            named(&["a", "b c"]),
            false,
        )
        .expect("bound");
        assert_eq!(text, "SELECT :a, :`b c`, 5 % 3, '%%' -- %(a)s");
        assert_eq!(parameters, ["a=1", "b c=2"]);
        let (text, parameters) =
            bound("SELECT %s, %s::INT, 5 %% 3", placed(2), false).expect("bound");
        assert_eq!(text, "SELECT ?, ?::INT, 5 % 3");
        assert_eq!(parameters, ["1=1", "2=2"]);
    }

    #[test]
    fn values_without_a_parameter_type_are_written_into_the_text() {
        let values = Values::Placed(vec![int(1), Value::Binary(vec![255]), int(3)]);
        let (text, parameters) = bound("SELECT ?, ?, ?", values, false).expect("bound");
        assert_eq!(text, "SELECT ?, X'FF', ?");
        assert_eq!(parameters, ["1=1", "2=3"]);
        let bytes = vec![
            ("b".to_owned(), Value::Binary(vec![255])),
            ("a".to_owned(), int(1)),
        ];
        let (text, parameters) =
            bound("SELECT :b, %(a)s, :`b`", Values::Named(bytes), false).expect("bound");
        assert_eq!(text, "SELECT X'FF', :a, X'FF'");
        assert_eq!(parameters, ["a=1"]);
    }

    #[test]
    fn values_beyond_what_the_service_takes_are_literals() {
        let count = MOST_PARAMETERS + 2;
        let sql = vec!["?"; count].join(",");
        let (text, parameters) = bound(&sql, placed(count), false).expect("bound");
        assert_eq!(parameters.len(), MOST_PARAMETERS);
        assert!(text.ends_with("?,257,258"));
    }

    #[test]
    fn inline_values_are_all_written_into_the_text() {
        let (text, parameters) = bound(
            "SELECT %(a)s, :b, '100%%', 5 %% 3",
            named(&["a", "b", "c"]),
            true,
        )
        .expect("bound");
        assert_eq!(text, "SELECT 1, 2, '100%', 5 % 3");
        assert_eq!(parameters, [""; 0]);
    }

    #[test]
    fn what_no_marker_names_goes_along() {
        let (text, parameters) = bound("SELECT 'x' LIKE '%'", named(&["a"]), false).expect("bound");
        assert_eq!(
            (text.as_str(), parameters),
            ("SELECT 'x' LIKE '%'", vec!["a=1".to_owned()])
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let cases = [
            ("SELECT :a, :b", named(&["a"]), ":b"),
            ("SELECT %(b)s", named(&["a"]), "%(b)s"),
            ("SELECT ?", named(&["a"]), "list or a tuple"),
            ("SELECT :a", placed(1), ":a"),
            ("SELECT %(a)s", placed(1), "mapping"),
            ("SELECT ?, ?", placed(1), "2 ? markers for 1 value;"),
            ("SELECT %s", placed(2), "1 %s marker for 2 values"),
            ("SELECT '?'", placed(1), "0 ? markers for 1 value"),
        ];
        for (sql, values, message) in cases {
            let template = Template::parse(sql, false);
            let arranged = template.arrange(values.clone()).expect_err(sql);
            let bound = template.bind(values).expect_err(sql);
            assert!(bound.to_string().contains(message), "{bound}");
            assert_eq!(arranged, bound);
        }
    }

    proptest! {
        #[test]
        fn texts_between_markers_are_kept(texts in prop::collection::vec("[a-z ,('\"`)%-]{0,6}", 1..6)) {
            let sql = texts.join(" ? ");
            let template = Template::parse(&sql, true);
            let count = template.markers.len();
            let values: Vec<_> = (0..count).map(int).collect();
            if let Ok(bound) = template.bind(Values::Placed(values)) {
                prop_assert!(bound.parameters.is_empty());
                prop_assert!(bound.sql.len() + 4 * count >= sql.len());
            }
        }
    }
}
