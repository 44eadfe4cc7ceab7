//! The columns that are given out: those of JDBC.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// The kinds of answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Catalogs,
    Schemas,
    Tables,
    Columns,
    TableTypes,
    PrimaryKeys,
    ForeignKeys,
    Functions,
    Procedures,
}

/// A column: its name, its type, and whether it may be null.
type Column = (&'static str, DataType, bool);

pub(super) const TEXT: DataType = DataType::Utf8;
pub(super) const INT: DataType = DataType::Int32;
pub(super) const SHORT: DataType = DataType::Int16;

const CATALOGS: &[Column] = &[("TABLE_CAT", TEXT, true)];
const SCHEMAS: &[Column] = &[("TABLE_SCHEM", TEXT, false), ("TABLE_CATALOG", TEXT, true)];
const TABLES: &[Column] = &[
    ("TABLE_CAT", TEXT, true),
    ("TABLE_SCHEM", TEXT, true),
    ("TABLE_NAME", TEXT, false),
    ("TABLE_TYPE", TEXT, false),
    ("REMARKS", TEXT, true),
    ("TYPE_CAT", TEXT, true),
    ("TYPE_SCHEM", TEXT, true),
    ("TYPE_NAME", TEXT, true),
    ("SELF_REFERENCING_COL_NAME", TEXT, true),
    ("REF_GENERATION", TEXT, true),
];
const COLUMNS: &[Column] = &[
    ("TABLE_CAT", TEXT, true),
    ("TABLE_SCHEM", TEXT, true),
    ("TABLE_NAME", TEXT, false),
    ("COLUMN_NAME", TEXT, false),
    ("DATA_TYPE", INT, false),
    ("TYPE_NAME", TEXT, false),
    ("COLUMN_SIZE", INT, true),
    ("BUFFER_LENGTH", DataType::Int8, true),
    ("DECIMAL_DIGITS", INT, true),
    ("NUM_PREC_RADIX", INT, true),
    ("NULLABLE", INT, false),
    ("REMARKS", TEXT, true),
    ("COLUMN_DEF", TEXT, true),
    ("SQL_DATA_TYPE", INT, true),
    ("SQL_DATETIME_SUB", INT, true),
    ("CHAR_OCTET_LENGTH", INT, true),
    ("ORDINAL_POSITION", INT, true),
    ("IS_NULLABLE", TEXT, false),
    ("SCOPE_CATALOG", TEXT, true),
    ("SCOPE_SCHEMA", TEXT, true),
    ("SCOPE_TABLE", TEXT, true),
    ("SOURCE_DATA_TYPE", SHORT, true),
    ("IS_AUTO_INCREMENT", TEXT, false),
];
const TABLE_TYPES: &[Column] = &[("TABLE_TYPE", TEXT, false)];
const PRIMARY_KEYS: &[Column] = &[
    ("TABLE_CAT", TEXT, true),
    ("TABLE_SCHEM", TEXT, true),
    ("TABLE_NAME", TEXT, false),
    ("COLUMN_NAME", TEXT, false),
    ("KEY_SEQ", INT, true),
    ("PK_NAME", TEXT, true),
];
const FOREIGN_KEYS: &[Column] = &[
    ("PKTABLE_CAT", TEXT, true),
    ("PKTABLE_SCHEM", TEXT, true),
    ("PKTABLE_NAME", TEXT, false),
    ("PKCOLUMN_NAME", TEXT, false),
    ("FKTABLE_CAT", TEXT, true),
    ("FKTABLE_SCHEM", TEXT, true),
    ("FKTABLE_NAME", TEXT, false),
    ("FKCOLUMN_NAME", TEXT, false),
    ("KEY_SEQ", INT, true),
    ("UPDATE_RULE", SHORT, true),
    ("DELETE_RULE", SHORT, true),
    ("FK_NAME", TEXT, true),
    ("PK_NAME", TEXT, true),
    ("DEFERRABILITY", SHORT, true),
];
const FUNCTIONS: &[Column] = &[
    ("FUNCTION_CAT", TEXT, true),
    ("FUNCTION_SCHEM", TEXT, true),
    ("FUNCTION_NAME", TEXT, false),
    ("REMARKS", TEXT, true),
    ("FUNCTION_TYPE", SHORT, true),
    ("SPECIFIC_NAME", TEXT, true),
];
const PROCEDURES: &[Column] = &[
    ("PROCEDURE_CAT", TEXT, true),
    ("PROCEDURE_SCHEM", TEXT, true),
    ("PROCEDURE_NAME", TEXT, false),
    ("RESERVED1", TEXT, true),
    ("RESERVED2", TEXT, true),
    ("RESERVED3", TEXT, true),
    ("REMARKS", TEXT, true),
    ("PROCEDURE_TYPE", SHORT, true),
    ("SPECIFIC_NAME", TEXT, true),
];

impl Shape {
    fn columns(self) -> &'static [Column] {
        match self {
            Self::Catalogs => CATALOGS,
            Self::Schemas => SCHEMAS,
            Self::Tables => TABLES,
            Self::Columns => COLUMNS,
            Self::TableTypes => TABLE_TYPES,
            Self::PrimaryKeys => PRIMARY_KEYS,
            Self::ForeignKeys => FOREIGN_KEYS,
            Self::Functions => FUNCTIONS,
            Self::Procedures => PROCEDURES,
        }
    }

    pub(super) fn schema(self) -> SchemaRef {
        let field =
            |(name, data_type, nullable): &Column| Field::new(*name, data_type.clone(), *nullable);
        Arc::new(Schema::new(
            self.columns().iter().map(field).collect::<Vec<_>>(),
        ))
    }
}
