#![no_main]

use databricks_sql_kernel_fuzz::lz4;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| lz4(input));
