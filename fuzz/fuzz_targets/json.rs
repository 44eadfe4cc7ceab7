#![no_main]

use databricks_sql_kernel_fuzz::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| json(input));
