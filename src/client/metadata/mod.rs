//! What there is in the warehouse: catalogs, schemas, tables, columns, keys, functions, procedures.
//!
//! The service answers SHOW statements; the columns given out are those of JDBC and ODBC.

mod answer;
mod columns;
mod pattern;
mod rows;
mod shape;
mod sql;
mod type_info;

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use tokio::time::Instant;

use self::answer::Answer;
use self::columns::Shape;
pub use self::pattern::{escape_underscores, is_all_catalogs, like};
use self::sql::{Sql, identifier};
use super::control::{StatementControl, cancelled, timed_out};
use super::results::ResultStream;
use super::session::Session;
use super::statement::Statement;
use super::wire::ColumnInfo;
use super::{Error, ErrorCode, Result};

/// Rows in memory.
#[derive(Clone, Debug)]
pub struct Table {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl Table {
    /// The rows as the result of a statement.
    #[must_use]
    pub fn into_stream(self) -> ResultStream {
        let fields = self.schema.fields().iter().enumerate();
        let columns = fields.map(|(position, field)| {
            let type_name = sql_type(field.data_type());
            ColumnInfo {
                name: field.name().clone(),
                type_text: type_name.to_owned(),
                type_name: type_name.to_owned(),
                position,
                ..ColumnInfo::default()
            }
        });
        let columns = columns.collect();
        ResultStream::of_rows(columns, self.schema, self.batches)
    }
}

fn sql_type(arrow: &DataType) -> &'static str {
    match arrow {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "BYTE",
        DataType::Int16 => "SHORT",
        DataType::Int32 => "INT",
        DataType::Int64 => "LONG",
        _ => "STRING",
    }
}

/// Asks a session about what it can see. Identifiers are exact; patterns are those of LIKE, with `%`,
/// `_` and a backslash before either. `None` asks for everything, an empty name or pattern for nothing.
#[derive(Clone, Debug)]
pub struct Metadata {
    session: Session,
    /// That of each statement in turn.
    control: StatementControl,
    timeout: Option<Duration>,
    started: Instant,
}

/// What the service says where a filter names nothing.
const NOTHING_THERE: [&str; 4] = [
    "NO_SUCH_CATALOG_EXCEPTION",
    "SCHEMA_NOT_FOUND",
    "TABLE_OR_VIEW_NOT_FOUND",
    "INVALID_PARAMETER_VALUE",
];

impl Session {
    /// Questions about what the session can see.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        Metadata {
            session: self.clone(),
            control: StatementControl::default(),
            timeout: None,
            started: Instant::now(),
        }
    }
}

impl Metadata {
    /// A question that is being asked now: `control` ends it, also between its statements, and knows the one that runs
    /// or ran last; within `timeout` all of them must end.
    #[must_use]
    pub fn steered(self, control: &StatementControl, timeout: Option<Duration>) -> Self {
        Self {
            control: control.clone(),
            timeout,
            started: Instant::now(),
            ..self
        }
    }

    /// The catalogs.
    pub async fn catalogs(&self) -> Result<Table> {
        let answer = self.ask("SHOW CATALOGS".into(), "GetCatalogs").await?;
        shape::catalogs(&answer)
    }

    /// The schemas of one catalog or of all.
    pub async fn schemas(
        &self,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
    ) -> Result<Table> {
        if schema_pattern == Some("") {
            return Ok(Shape::Schemas.empty());
        }
        let sql = |catalog: Option<&str>| {
            Sql::show("SCHEMAS IN")
                .catalog(catalog, "")?
                .like("", schema_pattern)
        };
        let asked = self.in_catalogs(catalog, "GetSchemas", sql).await?;
        let schemas =
            Shape::Schemas.of_all(asked, |catalog, answer| shape::schemas(answer, catalog))?;
        matching(schemas, [("TABLE_SCHEM", schema_pattern)])
    }

    /// The tables and views of the catalogs that match `catalog`, a pattern here; `table_types` are
    /// compared without regard to case.
    pub async fn tables(
        &self,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
        table_pattern: Option<&str>,
        table_types: Option<&[String]>,
    ) -> Result<Table> {
        if table_types.is_some_and(<[String]>::is_empty) {
            return Ok(Shape::Tables.empty());
        }
        let sql = |catalog: Option<&str>| {
            Sql::show("TABLES IN")
                .catalog(catalog, "CATALOG ")?
                .like("SCHEMA ", schema_pattern)?
                .like("", table_pattern)
        };
        let asked = match catalog.filter(|catalog| *catalog != "%") {
            Some(pattern) if pattern::is_wild(pattern) => {
                pattern::check(pattern, "catalog")?;
                let mut asked = Vec::new();
                for name in self.catalog_names(Some(pattern)).await? {
                    asked.extend(self.in_catalogs(Some(&name), "GetTables", sql).await?);
                }
                asked
            }
            Some(literal) => {
                let name = pattern::unescaped(literal);
                self.in_catalogs(Some(&name), "GetTables", sql).await?
            }
            None => self.in_catalogs(None, "GetTables", sql).await?,
        };
        let tables = Shape::Tables.of_all(asked, |catalog, answer| {
            shape::tables(answer, catalog, table_types)
        })?;
        let wanted = [
            ("TABLE_SCHEM", schema_pattern),
            ("TABLE_NAME", table_pattern),
        ];
        rows::sorted(
            &matching(tables, wanted)?,
            &["TABLE_TYPE", "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME"],
        )
    }

    /// The columns of tables and views.
    pub async fn columns(
        &self,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
        table_pattern: Option<&str>,
        column_pattern: Option<&str>,
    ) -> Result<Table> {
        if [schema_pattern, table_pattern, column_pattern].contains(&Some("")) {
            return Ok(Shape::Columns.empty());
        }
        let sql = |catalog: Option<&str>| {
            Sql::show("COLUMNS IN")
                .catalog(catalog, "CATALOG ")?
                .like("SCHEMA ", schema_pattern)?
                .like("TABLE ", table_pattern)?
                .like("", column_pattern)
        };
        let asked = self.in_catalogs(catalog, "GetColumns", sql).await?;
        let columns =
            Shape::Columns.of_all(asked, |catalog, answer| shape::columns(answer, catalog))?;
        let wanted = [
            ("TABLE_SCHEM", schema_pattern),
            ("TABLE_NAME", table_pattern),
            ("COLUMN_NAME", column_pattern),
        ];
        matching(columns, wanted)
    }

    /// The columns of a table's primary key.
    pub async fn primary_keys(&self, catalog: &str, schema: &str, table: &str) -> Result<Table> {
        let sql = Sql::show("KEYS").table(catalog, schema, table)?;
        let answer = self.ask_where_there(sql, "GetPrimaryKeys").await?;
        Shape::PrimaryKeys.of(answer.as_ref(), shape::primary_keys)
    }

    /// The foreign keys of a table; with a parent, those that refer to it.
    pub async fn foreign_keys(
        &self,
        parent: [Option<&str>; 3],
        catalog: &str,
        schema: &str,
        table: &str,
    ) -> Result<Table> {
        let sql = Sql::show("FOREIGN KEYS").table(catalog, schema, table)?;
        let answer = self.ask_where_there(sql, "GetCrossReference").await?;
        Shape::ForeignKeys.of(answer.as_ref(), |answer| {
            shape::foreign_keys(answer, parent)
        })
    }

    /// The functions of one catalog; of the current one where none is named.
    pub async fn functions(
        &self,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
        name_pattern: Option<&str>,
    ) -> Result<Table> {
        let current;
        let catalog = if let Some(catalog) = catalog {
            catalog
        } else {
            current = self.current_catalog().await?;
            &current
        };
        if catalog.is_empty() {
            return Ok(Shape::Functions.empty());
        }
        let sql = Sql::show("FUNCTIONS IN CATALOG")
            .word(&identifier(catalog)?)
            .like("SCHEMA ", schema_pattern)?
            .like("", Some(name_pattern.unwrap_or("%")))?;
        let answer = self.ask_where_there(sql.text(), "GetFunctions").await?;
        let functions = Shape::Functions.of(answer.as_ref(), shape::functions)?;
        let wanted = [
            ("FUNCTION_SCHEM", schema_pattern),
            ("FUNCTION_NAME", name_pattern),
        ];
        matching(functions, wanted)
    }

    /// The functions of all catalogs, which the service is asked for one by one.
    pub async fn functions_of_all(
        &self,
        schema_pattern: Option<&str>,
        name_pattern: Option<&str>,
    ) -> Result<Table> {
        let mut all = Shape::Functions.empty();
        for name in self.catalog_names(None).await? {
            let functions = self.functions(Some(&name), schema_pattern, name_pattern);
            all.batches.extend(functions.await?.batches);
        }
        Ok(all)
    }

    /// The procedures of one catalog or of all.
    pub async fn procedures(
        &self,
        catalog: Option<&str>,
        schema_pattern: Option<&str>,
        name_pattern: Option<&str>,
    ) -> Result<Table> {
        if catalog == Some("") {
            return Ok(Shape::Procedures.empty());
        }
        let sql = sql::procedures(catalog, schema_pattern, name_pattern)?;
        let answer = self.ask_where_there(sql, "GetProcedures").await?;
        Shape::Procedures.of(answer.as_ref(), shape::procedures)
    }

    /// The types of tables that there are. Asks nobody.
    #[must_use]
    pub fn table_types() -> Table {
        shape::table_types()
    }

    /// The SQL types. Asks nobody.
    #[must_use]
    pub fn type_info() -> Table {
        type_info::table()
    }

    /// Asks about one catalog or all, one by one where the service does not take all at once.
    async fn in_catalogs(
        &self,
        catalog: Option<&str>,
        operation: &'static str,
        sql: impl Fn(Option<&str>) -> Result<Sql>,
    ) -> Result<Vec<(Option<String>, Answer)>> {
        let named = catalog.map(str::to_owned);
        if catalog == Some("") {
            return Ok(Vec::new());
        }
        let text = sql(catalog)?.text();
        match self.ask_where_there(text, operation).await {
            Ok(answer) => Ok(answer.map(|answer| (named, answer)).into_iter().collect()),
            Err(error) if catalog.is_none() && refuses_all_catalogs(&error) => {
                let mut asked = Vec::new();
                for name in self.catalog_names(None).await? {
                    let text = sql(Some(&name))?.text();
                    if let Some(answer) = self.ask_where_there(text, operation).await? {
                        asked.push((Some(name), answer));
                    }
                }
                Ok(asked)
            }
            Err(error) => Err(error),
        }
    }

    async fn catalog_names(&self, pattern: Option<&str>) -> Result<Vec<String>> {
        let answer = self.ask("SHOW CATALOGS".into(), "GetCatalogs").await?;
        let names = answer.texts(&["catalog", "catalogName", "TABLE_CAT"])?;
        let wanted = |name: &String| pattern.is_none_or(|pattern| like(name, pattern));
        Ok(names.into_iter().flatten().filter(wanted).collect())
    }

    /// A catalog and a schema, the current ones where none is named.
    pub async fn or_current(
        &self,
        catalog: Option<&str>,
        schema: Option<&str>,
    ) -> Result<(String, String)> {
        let named = |given: Option<&str>| given.filter(|name| !name.is_empty()).map(str::to_owned);
        match (named(catalog), named(schema)) {
            (Some(catalog), Some(schema)) => Ok((catalog, schema)),
            (catalog, schema) => {
                let statement = Statement {
                    sql: "SELECT CURRENT_CATALOG() AS catalog, CURRENT_SCHEMA() AS schema".into(),
                    ..Statement::default()
                };
                let answer = self.answer(statement).await?;
                let current = |name| Ok(answer.texts(&[name])?.into_iter().flatten().next());
                let catalog = catalog.map_or_else(|| current("catalog"), |name| Ok(Some(name)))?;
                let schema = schema.map_or_else(|| current("schema"), |name| Ok(Some(name)))?;
                catalog.zip(schema).ok_or_else(|| {
                    Error::data_loss("the service did not name its current catalog and schema")
                })
            }
        }
    }

    async fn current_catalog(&self) -> Result<String> {
        let statement = Statement {
            sql: "SELECT CURRENT_CATALOG()".into(),
            ..Statement::default()
        };
        let answer = self.answer(statement).await?;
        let first = answer.first_text();
        Ok(first.unwrap_or_else(|| "hive_metastore".to_owned()))
    }

    /// The answer; none where the filter names what is not there.
    async fn ask_where_there(
        &self,
        sql: String,
        operation: &'static str,
    ) -> Result<Option<Answer>> {
        match self.ask(sql, operation).await {
            Err(error)
                if error.code() == ErrorCode::SqlError
                    && NOTHING_THERE.iter().any(|it| error.message().contains(it)) =>
            {
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    async fn ask(&self, sql: String, operation: &'static str) -> Result<Answer> {
        self.answer(Statement {
            sql,
            operation: Some(operation),
            ..Statement::default()
        })
        .await
    }

    async fn answer(&self, statement: Statement) -> Result<Answer> {
        let last = self.control.statement_id();
        let of_last = |error: Error| match &last {
            Some(id) => error.with_statement_id(id),
            None => error,
        };
        if self.control.is_unwanted() {
            return Err(of_last(cancelled()));
        }
        let statement = Statement {
            timeout: self.timeout,
            spent: self.started.elapsed(),
            ..statement
        };
        match statement.time_left() {
            Some((whole, left)) if left.is_zero() => return Err(of_last(timed_out(whole))),
            _ => {}
        }
        self.control.turn_to_next();
        let answer = self.run(statement).await;
        answer.map_err(|error| match (self.control.statement_id(), last) {
            (Some(id), _) => error.with_statement_id(id),
            (None, Some(last)) => {
                self.control.known_as(&last);
                error
            }
            (None, None) => error,
        })
    }

    async fn run(&self, statement: Statement) -> Result<Answer> {
        let executed = self.session.execute(statement, &self.control).await?;
        let native = executed.is_native_metadata();
        let mut stream = executed.into_stream();
        stream.collect_whole();
        let schema = stream.schema().await?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next_batch().await? {
            batches.push(batch);
        }
        Ok(Answer::new(&schema, batches, native))
    }
}

/// The rows whose names match, where SHOW may have found more.
fn matching<const N: usize>(mut table: Table, wanted: [(&str, Option<&str>); N]) -> Result<Table> {
    for (column, pattern) in wanted {
        if let Some(pattern) = pattern.filter(|pattern| pattern::is_loose(pattern)) {
            table = rows::keep(&table, column, |name| like(name, pattern))?;
        }
    }
    Ok(table)
}

/// Old services know no `IN ALL CATALOGS`.
fn refuses_all_catalogs(error: &Error) -> bool {
    error.code() == ErrorCode::SqlError
        && (error.sql_state() == Some("42601")
            || error.error_class() == Some("PARSE_SYNTAX_ERROR")
            || error
                .sql_state()
                .is_some_and(|state| state.starts_with("0A")))
}
