//! The few clauses in which a literal is no operand of an expression, so that no CAST may stand in its place.

use super::lexer::{Kind, Piece, name};
use super::markers::Before;

/// What a marker stands for in its clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Any operand.
    Any,
    /// What a value IS: TRUE, FALSE, NULL.
    Truth,
    /// The number of a further unit: `INTERVAL 1 DAY -4 HOUR`.
    IntervalPart,
    /// The value of a property whose equals sign is left out.
    Property,
    /// The pattern of a SHOW statement behind a name in parts or in quotes.
    Pattern,
}

/// Follows a statement from piece to piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Clauses {
    statement: Statement,
    state: State,
    depth: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Statement {
    #[default]
    NotBegun,
    Show,
    /// CREATE and ALTER, up to where expressions begin.
    Definition,
    Other,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Other,
    /// Behind a word that an expression follows: a column may be called IS, and a function OPTIONS.
    Expression,
    Is,
    /// Behind INTERVAL.
    Interval,
    IntervalValue,
    IntervalUnit,
    /// Behind the word in front of the list.
    Properties,
    /// Where a key begins or goes on.
    PropertyStart,
    PropertyKey,
    /// Behind the equals sign or the value.
    PropertyValue,
    /// Behind a name of a SHOW statement.
    Name,
}

impl Clauses {
    pub(super) fn role(&self) -> Role {
        match self.state {
            State::Is => Role::Truth,
            State::IntervalUnit => Role::IntervalPart,
            State::PropertyKey => Role::Property,
            State::Name => Role::Pattern,
            _ => Role::Any,
        }
    }

    /// Goes past a marker.
    pub(super) fn marker(&mut self) {
        self.state = match self.state {
            State::Interval | State::IntervalUnit => State::IntervalValue,
            State::PropertyStart => State::PropertyKey,
            State::PropertyKey | State::PropertyValue => State::PropertyValue,
            _ => State::Other,
        };
    }

    /// Goes past another piece; `before` is what stands before it.
    pub(super) fn piece(&mut self, sql: &str, piece: &Piece, before: Before) {
        if piece.kind == Kind::Space {
            return;
        }
        match piece.kind {
            Kind::Symbol('(') => self.depth += 1,
            Kind::Symbol(')') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let word = match piece.kind {
            Kind::Word => &sql[piece.range.clone()],
            _ => "",
        };
        if self.depth == 0 {
            self.follow_statement(piece.kind, word, before);
        }
        self.state = match (self.state, piece.kind) {
            (State::Properties, Kind::Symbol('(')) | (State::PropertyKey, Kind::Symbol('.')) => {
                State::PropertyStart
            }
            (State::PropertyStart, Kind::Word | Kind::QuotedName | Kind::Text) => {
                State::PropertyKey
            }
            (
                State::PropertyStart | State::PropertyKey | State::PropertyValue,
                Kind::Symbol(','),
            ) if self.depth == 1 => State::PropertyStart,
            (State::PropertyStart | State::PropertyKey | State::PropertyValue, _)
                if self.depth > 0 =>
            {
                State::PropertyValue
            }
            (State::Interval | State::IntervalUnit, Kind::Number | Kind::Text) => {
                State::IntervalValue
            }
            // A sign.
            (State::Interval | State::IntervalUnit, Kind::Symbol('-' | '+')) => State::Interval,
            (State::IntervalValue, Kind::Word) if is_unit(word) => State::IntervalUnit,
            (state, Kind::Word) => self.word(state, word, before),
            (_, Kind::QuotedName) if self.statement == Statement::Show => State::Name,
            _ => State::Other,
        };
    }

    fn word(&self, state: State, word: &str, before: Before) -> State {
        let is = |others: &[&str]| others.iter().any(|other| other.eq_ignore_ascii_case(word));
        let follows_name = state != State::Expression
            && matches!(
                before,
                Before::Operand | Before::Word | Before::WordAndSpace
            );
        if self.statement == Statement::Show {
            State::Name
        } else if before == Before::Path {
            State::Other
        } else if is(&["INTERVAL"]) {
            State::Interval
        } else if is(&["DISTINCT", "ALL", "DEFAULT", "RETURN"]) {
            State::Expression
        } else if is(&["IS"]) && follows_name {
            State::Is
        } else if is(&["TBLPROPERTIES", "DBPROPERTIES", "OPTIONS"])
            && follows_name
            && self.statement == Statement::Definition
            && self.depth == 0
        {
            State::Properties
        } else {
            State::Other
        }
    }

    fn follow_statement(&mut self, kind: Kind, word: &str, before: Before) {
        let is = |others: &[&str]| others.iter().any(|other| other.eq_ignore_ascii_case(word));
        self.statement = match self.statement {
            Statement::NotBegun if is(&["SHOW"]) => Statement::Show,
            Statement::NotBegun if is(&["CREATE", "ALTER", "REPLACE"]) => Statement::Definition,
            Statement::NotBegun if kind != Kind::Symbol(';') => Statement::Other,
            Statement::Definition
                if before != Before::Path && is(&["SELECT", "VALUES", "FROM", "BEGIN"]) =>
            {
                Statement::Other
            }
            _ if kind == Kind::Symbol(';') => Statement::NotBegun,
            unchanged => unchanged,
        };
    }
}

/// Whether `text` begins with a unit of time, as `INTERVAL -3 DAY` has it.
pub(super) fn starts_with_unit(text: &str) -> bool {
    is_unit(&text[..name(text)])
}

fn is_unit(word: &str) -> bool {
    const UNITS: [&str; 9] = [
        "YEAR",
        "MONTH",
        "WEEK",
        "DAY",
        "HOUR",
        "MINUTE",
        "SECOND",
        "MILLISECOND",
        "MICROSECOND",
    ];
    let singular = word.strip_suffix(['s', 'S']).unwrap_or(word);
    UNITS.iter().any(|unit| unit.eq_ignore_ascii_case(singular))
}
