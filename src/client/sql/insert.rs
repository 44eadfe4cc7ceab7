//! Many rows of one INSERT in few statements.

use std::ops::Range;

use super::column_type::{ColumnType, Target};
use super::lexer::{Kind, Piece};
use super::markers::{Form, Scanner, Step};
use super::value::{SqlType, Value};
use super::{MOST_PARAMETERS, MOST_TEXT};
use crate::client::wire::StatementParameter;

/// `INSERT INTO table [(columns)] VALUES (row)`, where the row is of markers and constants.
#[derive(Clone, Debug)]
pub struct InsertTemplate<'a> {
    /// All up to the row.
    head: &'a str,
    /// The texts around the markers of the row: one more than there are markers.
    texts: Vec<&'a str>,
    /// The places in the row that the markers have.
    places: Vec<usize>,
    /// How many values a row has.
    width: usize,
    /// The name of the table.
    table: &'a str,
    /// The names of the columns; empty where the statement has none.
    columns: &'a str,
}

impl<'a> InsertTemplate<'a> {
    /// Recognises a statement of which rows can go together. All others are None, also those that could.
    #[must_use]
    pub fn parse(sql: &'a str) -> Option<Self> {
        let mut words = Pieces::new(sql);
        words.keyword("INSERT")?;
        words.keyword("INTO")?;
        let table = words.table()?;
        let columns = words.columns()?;
        words.keyword("VALUES")?;
        let (start, row) = words.row()?;
        words.symbol(';');
        if words.peek().is_some() {
            return None;
        }
        let mut texts = Vec::with_capacity(row.markers.len() + 1);
        let mut at = start;
        for marker in row.markers {
            texts.push(&sql[at..marker.start]);
            at = marker.end;
        }
        texts.push(&sql[at..row.end]);
        Some(Self {
            head: &sql[..start],
            texts,
            places: row.places,
            width: row.width,
            table: &sql[table],
            columns: &sql[columns],
        })
    }

    /// A query without rows, whose columns are those that the rows go into.
    #[must_use]
    pub fn target_query(&self) -> String {
        let columns = Some(self.columns)
            .filter(|names| !names.is_empty())
            .unwrap_or("*");
        format!("SELECT {columns} FROM {} LIMIT 0", self.table)
    }

    /// What the markers go into, when the rows go into columns of these types.
    #[must_use]
    pub fn targets(&self, type_names: &[&str]) -> Vec<Target> {
        let known = type_names.len() == self.width;
        let target = |place: &usize| match type_names.get(*place) {
            Some(&"DECIMAL") if known => Target::Exact,
            Some(&("FLOAT" | "DOUBLE")) if known => Target::Approximate,
            _ => Target::Any,
        };
        self.places.iter().map(target).collect()
    }

    /// How many statements less there are when the columns are of the numbers that their values look like.
    #[must_use]
    pub fn saved_by_targets(&self, rows: &[Vec<Value>]) -> usize {
        let hoped: Vec<_> = (0..self.places.len())
            .map(|marker| {
                let is_float = |row: &Vec<Value>| *row[marker].sql_type() == SqlType::Double;
                if rows.iter().any(is_float) {
                    Target::Approximate
                } else {
                    Target::Exact
                }
            })
            .collect();
        let unknown = vec![Target::Any; hoped.len()];
        count(rows, &unknown).saturating_sub(count(rows, &hoped))
    }

    /// Statements that insert the rows in their order; each row has the values of its markers.
    ///
    /// Rows go together while their values have types that can be joined without changing one, on the way to what the
    /// markers go into. `inline` writes all values into the text.
    #[must_use]
    pub fn batches(
        &self,
        rows: Vec<Vec<Value>>,
        targets: Vec<Target>,
        inline: bool,
    ) -> Batches<'_> {
        Batches {
            template: self,
            rows,
            targets,
            at: 0,
            most_parameters: if inline { 0 } else { MOST_PARAMETERS },
            most_text: MOST_TEXT,
        }
    }

    fn write_row(&self, sql: &mut String, row: &[Value]) {
        for (text, value) in self.texts.iter().zip(row) {
            sql.push_str(text);
            value.write_literal(sql);
        }
        sql.push_str(self.texts.last().unwrap_or(&""));
    }
}

/// The rows from `at` on whose types can be joined.
fn alike(rows: &[Vec<Value>], at: usize, targets: &[Target]) -> Range<usize> {
    let mut columns: Vec<_> = targets.iter().copied().map(ColumnType::new).collect();
    let taken = rows[at..].iter().take_while(|row| {
        columns
            .iter_mut()
            .zip(*row)
            .all(|(column, value)| column.takes(value))
    });
    at..at + taken.count().max(1)
}

/// How many statements the rows take.
fn count(rows: &[Vec<Value>], targets: &[Target]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < rows.len() {
        at = alike(rows, at, targets).end;
        count += 1;
    }
    count
}

/// A statement for some of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The text.
    pub sql: String,
    /// Its parameters.
    pub parameters: Vec<StatementParameter>,
    /// Which of the rows it inserts.
    pub rows: Range<usize>,
}

/// Statements for rows, made as they are asked for.
#[derive(Debug)]
pub struct Batches<'a> {
    template: &'a InsertTemplate<'a>,
    rows: Vec<Vec<Value>>,
    targets: Vec<Target>,
    at: usize,
    most_parameters: usize,
    most_text: usize,
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.at >= self.rows.len() {
            return None;
        }
        let alike = alike(&self.rows, self.at, &self.targets);
        let markers = self.template.texts.len() - 1;
        let first = alike.start..alike.start + 1;
        let mut batch = if markers * alike.len() <= self.most_parameters {
            self.with_parameters(alike)
        } else {
            self.with_literals(alike)
        };
        if batch.sql.len() > self.most_text
            && batch.parameters.is_empty()
            && markers <= self.most_parameters
        {
            // Parameters do not count as text.
            batch = self.with_parameters(first);
        }
        self.at = batch.rows.end;
        Some(batch)
    }
}

impl Batches<'_> {
    fn with_parameters(&mut self, rows: Range<usize>) -> Batch {
        let mut sql = self.template.head.to_owned();
        let mut parameters = Vec::new();
        for at in rows.clone() {
            if at > rows.start {
                sql.push_str(", ");
            }
            let texts = &self.template.texts;
            for (text, value) in texts.iter().zip(std::mem::take(&mut self.rows[at])) {
                sql.push_str(text);
                // NULL as text fits any type; a parameter would be a STRING among others.
                if value.is_null() || !value.has_parameter_type() {
                    value.write_literal(&mut sql);
                    continue;
                }
                sql.push('?');
                let ordinal = u32::try_from(parameters.len() + 1).ok();
                parameters.push(value.into_parameter(None, ordinal));
            }
            sql.push_str(texts.last().unwrap_or(&""));
        }
        Batch {
            sql,
            parameters,
            rows,
        }
    }

    /// As many rows as fit into a statement, and at least one.
    fn with_literals(&self, rows: Range<usize>) -> Batch {
        let mut sql = self.template.head.to_owned();
        let mut end = rows.start;
        for at in rows.clone() {
            let before = sql.len();
            if at > rows.start {
                sql.push_str(", ");
            }
            self.template.write_row(&mut sql, &self.rows[at]);
            if sql.len() > self.most_text && at > rows.start {
                sql.truncate(before);
                break;
            }
            end = at + 1;
        }
        Batch {
            sql,
            parameters: Vec::new(),
            rows: rows.start..end,
        }
    }
}

/// A row of VALUES.
struct Row {
    markers: Vec<Range<usize>>,
    /// The places of the markers among the values.
    places: Vec<usize>,
    /// How many values there are.
    width: usize,
    end: usize,
}

/// The pieces of a statement without space.
struct Pieces<'a> {
    sql: &'a str,
    scanner: Scanner<'a>,
    next: Option<Step>,
}

impl<'a> Pieces<'a> {
    fn new(sql: &'a str) -> Self {
        let mut pieces = Self {
            sql,
            scanner: Scanner::new(sql),
            next: None,
        };
        pieces.advance();
        pieces
    }

    fn peek(&self) -> Option<&Step> {
        self.next.as_ref()
    }

    fn advance(&mut self) -> Option<Step> {
        let following = loop {
            match self.scanner.step() {
                Some(Step::Piece(piece)) if piece.kind == Kind::Space => {}
                other => break other,
            }
        };
        std::mem::replace(&mut self.next, following)
    }

    fn piece(&self) -> Option<&Piece> {
        match self.next.as_ref()? {
            Step::Piece(piece) => Some(piece),
            Step::Marker(_) => None,
        }
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        self.piece().is_some_and(|piece| {
            piece.kind == Kind::Word && self.sql[piece.range.clone()].eq_ignore_ascii_case(keyword)
        })
    }

    fn keyword(&mut self, keyword: &str) -> Option<()> {
        self.is_keyword(keyword).then(|| {
            self.advance();
        })
    }

    fn symbol(&mut self, symbol: char) -> Option<Range<usize>> {
        let piece = self
            .piece()
            .filter(|piece| piece.kind == Kind::Symbol(symbol))?;
        let range = piece.range.clone();
        self.advance();
        Some(range)
    }

    fn name(&mut self) -> Option<Range<usize>> {
        let piece = self.piece()?;
        let range = piece.range.clone();
        matches!(piece.kind, Kind::Word | Kind::QuotedName).then(|| {
            self.advance();
            range
        })
    }

    /// `[TABLE] a.b.c`
    fn table(&mut self) -> Option<Range<usize>> {
        self.keyword("TABLE");
        let first = self.name()?;
        let mut end = first.end;
        while self.symbol('.').is_some() {
            end = self.name()?.end;
        }
        Some(first.start..end)
    }

    /// `(a, b)`, or an empty range for nothing.
    fn columns(&mut self) -> Option<Range<usize>> {
        if self.symbol('(').is_none() {
            return Some(0..0);
        }
        let mut range = self.name()?;
        while self.symbol(',').is_some() {
            range.end = self.name()?.end;
        }
        self.symbol(')')?;
        Some(range)
    }

    /// `(cell, cell)` and where it starts.
    fn row(&mut self) -> Option<(usize, Row)> {
        let start = self.symbol('(')?.start;
        let mut markers = Vec::new();
        let mut places = Vec::new();
        let mut width = 0;
        loop {
            if let Some(Step::Marker(marker)) = self.peek() {
                if marker.form == Form::PercentSign {
                    return None;
                }
                markers.push(marker.range.clone());
                places.push(width);
                self.advance();
            } else {
                self.constant()?;
            }
            width += 1;
            if self.symbol(',').is_some() {
                continue;
            }
            let end = self.symbol(')')?.end;
            return Some((
                start,
                Row {
                    markers,
                    places,
                    width,
                    end,
                },
            ));
        }
    }

    /// A number, a text, NULL, a truth value, or a typed literal that is no name of a moment.
    fn constant(&mut self) -> Option<()> {
        const TYPES: [&str; 5] = ["DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "X"];
        if self.symbol('-').is_some() || self.symbol('+').is_some() {
            return self.literal(Kind::Number).map(drop);
        }
        if ["NULL", "TRUE", "FALSE"]
            .into_iter()
            .any(|word| self.keyword(word).is_some())
        {
            return Some(());
        }
        if let Some(typed) = TYPES.into_iter().find(|word| self.keyword(word).is_some()) {
            let text = self.literal(Kind::Text)?;
            // DATE 'today' is another day for each statement.
            let starts = |first: char| first.is_ascii_digit() || matches!(first, '+' | '-');
            return (typed == "X" || self.sql[text][1..].starts_with(starts)).then_some(());
        }
        if self.literal(Kind::Number).is_some() {
            return Some(());
        }
        self.literal(Kind::Text)?;
        while self.literal(Kind::Text).is_some() {}
        Some(())
    }

    fn literal(&mut self, kind: Kind) -> Option<Range<usize>> {
        let piece = self.piece().filter(|piece| piece.kind == kind)?;
        let range = piece.range.clone();
        self.advance();
        Some(range)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Batch, Batches, InsertTemplate, Target};
    use crate::client::sql::{SqlType, Value};

    fn int(number: i32) -> Value {
        Value::Scalar(SqlType::Int, Some(number.to_string()))
    }

    fn text(text: &str) -> Value {
        Value::Scalar(SqlType::String, Some(text.to_owned()))
    }

    fn batches(sql: &str, rows: Vec<Vec<Value>>) -> Vec<Batch> {
        let template = InsertTemplate::parse(sql).expect("an INSERT of rows");
        let targets = template.targets(&[]);
        template.batches(rows, targets, false).collect()
    }

    #[test]
    fn inserts_of_a_row_of_markers_and_constants_are_recognised() {
        for sql in [
            "INSERT INTO t VALUES (?)",
            "insert into table a.`b c`.d (x, `y`) values (:a, :b) ; -- end",
            "INSERT /* why */ INTO t\n(a) VALUES (%(a)s)",
            "INSERT INTO t VALUES (%s, 'it''s' \"x\", -1.5, NULL, true, DATE '2024-01-01', X'ff', 1e5)",
            "INSERT INTO t VALUES (1)",
        ] {
            assert!(InsertTemplate::parse(sql).is_some(), "{sql}");
        }
    }

    #[test]
    fn the_columns_that_rows_go_into_can_be_asked_for() {
        let template = InsertTemplate::parse("INSERT INTO TABLE a.`b` (x, `y`) VALUES (1, ?)");
        let template = template.expect("an INSERT of rows");
        assert_eq!(template.target_query(), "SELECT x, `y` FROM a.`b` LIMIT 0");
        let target = |types: &[&str]| template.targets(types)[0];
        assert_eq!(target(&["STRING", "DECIMAL"]), Target::Exact);
        assert_eq!(target(&["STRING", "FLOAT"]), Target::Approximate);
        assert_eq!(target(&["STRING", "BIGINT"]), Target::Any);
        assert_eq!(target(&["DECIMAL", "STRING"]), Target::Any);
        assert_eq!(target(&["DECIMAL"]), Target::Any);
        let template = InsertTemplate::parse("INSERT INTO t VALUES (?)").expect("an INSERT");
        assert_eq!(template.target_query(), "SELECT * FROM t LIMIT 0");
    }

    #[test]
    fn numbers_of_several_types_go_together_into_numbers() {
        let sql = "INSERT INTO t VALUES (?)";
        let template = InsertTemplate::parse(sql).expect("an INSERT of rows");
        let float = Value::Scalar(SqlType::Double, Some("1.5".to_owned()));
        let rows = vec![vec![int(1)], vec![float.clone()], vec![int(2)], vec![float]];
        assert_eq!(template.saved_by_targets(&rows), 3);
        assert_eq!(batches(sql, rows.clone()).len(), 4);
        let together: Vec<_> = template
            .batches(rows, vec![Target::Approximate], true)
            .collect();
        assert_eq!(together.len(), 1);
        assert_eq!(
            together[0].sql,
            "INSERT INTO t VALUES (1), (1.5E0), (2), (1.5E0)"
        );
    }

    #[test]
    fn statements_that_must_run_in_turn_are_not() {
        for sql in [
            "",
            "SELECT ?",
            "INSERT OVERWRITE t VALUES (?)",
            "INSERT INTO t SELECT ?",
            "INSERT INTO t VALUES (?), (?)",
            "INSERT INTO t VALUES (? + 1)",
            "INSERT INTO t VALUES (current_timestamp(), ?)",
            "INSERT INTO t VALUES (TIMESTAMP 'now', ?)",
            "INSERT INTO t VALUES (uuid())",
            "INSERT INTO t PARTITION (a = 1) VALUES (?)",
            "INSERT INTO IDENTIFIER(:t) VALUES (:a)",
            "INSERT INTO t VALUES (?) ; SELECT 1",
            "INSERT INTO t REPLACE WHERE a = 1 VALUES (?)",
            "INSERT INTO t VALUES (DEFAULT, ?)",
            "INSERT INTO t VALUES ('5 %% 2' %% 2)",
            "INSERT INTO t VALUES (?",
            "INSERT INTO t VALUES ()",
            "WITH c AS (SELECT 1) INSERT INTO t VALUES (?)",
        ] {
            assert!(InsertTemplate::parse(sql).is_none(), "{sql}");
        }
    }

    #[test]
    fn few_rows_are_parameters_and_nulls_are_text() {
        let rows = vec![vec![int(1), text("a")], vec![Value::NULL, text("b")]];
        let found = batches("INSERT INTO t VALUES (:a, 'x', :b);", rows);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].sql,
            "INSERT INTO t VALUES (?, 'x', ?), (NULL, 'x', ?)"
        );
        assert_eq!(found[0].parameters.len(), 3);
        assert_eq!(found[0].parameters[2].ordinal, Some(3));
        assert_eq!(found[0].rows, 0..2);
    }

    #[test]
    fn many_rows_are_literals() {
        let rows = (0..300).map(|number| vec![int(number)]).collect();
        let found = batches("INSERT INTO t VALUES (?)", rows);
        assert_eq!(found.len(), 1);
        assert!(found[0].parameters.is_empty());
        assert!(
            found[0]
                .sql
                .starts_with("INSERT INTO t VALUES (0), (1), (2)")
        );
        assert!(found[0].sql.ends_with("(299)"));
    }

    #[test]
    fn rows_of_other_types_start_another_statement() {
        let rows = vec![
            vec![int(1)],
            vec![Value::NULL],
            vec![text("a")],
            vec![text("b")],
            vec![int(2)],
        ];
        let ranges: Vec<_> = batches("INSERT INTO t VALUES (?)", rows)
            .into_iter()
            .map(|batch| batch.rows)
            .collect();
        assert_eq!(ranges, [0..2, 2..4, 4..5]);
    }

    #[test]
    fn a_statement_is_no_longer_than_the_service_takes() {
        const MOST: usize = 20_000;
        let long = "x".repeat(6000);
        let rows: Vec<_> = (0..300)
            .map(|number| vec![int(number), text(if number < 5 { &long } else { "" })])
            .collect();
        let template = InsertTemplate::parse("INSERT INTO t VALUES (?, ?)").expect("an INSERT");
        let found: Vec<_> = Batches {
            most_text: MOST,
            ..template.batches(rows, vec![Target::Any; 2], false)
        }
        .collect();
        assert!(found.iter().all(|batch| batch.sql.len() <= MOST));
        let ranges: Vec<_> = found.into_iter().map(|batch| batch.rows).collect();
        assert_eq!(ranges, [0..3, 3..300]);
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_statement_in_order(
            kinds in prop::collection::vec((0..4u8, 0..4u8), 0..600)
        ) {
            let value = |kind: u8| match kind {
                0 => Value::NULL,
                1 => text("'?"),
                _ => int(kind.into()),
            };
            let rows: Vec<_> = kinds.iter().map(|(a, b)| vec![value(*a), value(*b)]).collect();
            let count = rows.len();
            let mut at = 0;
            for batch in batches("INSERT INTO t VALUES (?, ?)", rows) {
                prop_assert_eq!(batch.rows.start, at);
                prop_assert!(batch.rows.end > at);
                at = batch.rows.end;
            }
            prop_assert_eq!(at, count);
        }
    }
}
