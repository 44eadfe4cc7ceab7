//! Record batches to rows, in an embedded interpreter.

mod tables;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use databricks_sql_kernel::python::convert::{ConvertOptions, RowConverter, RowKind, TimeSlice};
use pyo3::prelude::*;
use pyo3::types::PyList;

fn rows(criterion: &mut Criterion) {
    Python::initialize();
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(tables::ROWS as u64));
    let kinds = [
        ("row", RowKind::Row),
        ("tuple", RowKind::Tuple),
        ("dict", RowKind::Dict),
    ];
    for (name, batch) in tables::all() {
        for (kind, row_kind) in kinds {
            let options = ConvertOptions {
                row_kind,
                ..ConvertOptions::default()
            };
            Python::attach(|py| {
                let converter = RowConverter::try_new(py, &batch.schema(), options);
                let converter = converter.expect("all types have readers");
                group.bench_function(format!("{name}/{kind}"), |bencher| {
                    bencher.iter(|| {
                        let list = PyList::empty(py);
                        converter
                            .extend_list(&list, &batch, 0..tables::ROWS, 0, &mut TimeSlice::new())
                            .expect("all values have objects");
                        assert_eq!(list.len(), tables::ROWS);
                    });
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
