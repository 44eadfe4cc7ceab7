//! Chunk bodies to record batches: LZ4, then Arrow.

mod tables;

use std::hint::black_box;
use std::io::Write;

use arrow::array::RecordBatch;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use databricks_sql_kernel::client::results::decode::decode_body;
use databricks_sql_kernel::client::wire::Compression;
use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};

fn stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a schema");
    writer.write(batch).expect("memory takes it");
    writer.into_inner().expect("memory takes it")
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let frame = FrameInfo::new()
        .block_size(BlockSize::Max4MB)
        .content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(frame, Vec::new());
    encoder.write_all(body).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (name, batch) in tables::all() {
        let plain = stream(&batch);
        let size = plain.len();
        group.throughput(Throughput::Bytes(size as u64));
        let bodies = [
            (
                "lz4",
                Compression::Lz4Frame,
                Bytes::from(compressed(&plain)),
            ),
            ("plain", Compression::None, Bytes::from(plain)),
        ];
        for (how, compression, body) in bodies {
            group.bench_function(format!("{name}/{how}"), |bencher| {
                bencher.iter_batched(
                    || body.clone(),
                    |body| black_box(decode_body(body, compression, 2 * size)),
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
