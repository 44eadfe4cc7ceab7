#![no_main]

use databricks_sql_kernel_fuzz::arrow;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| arrow(input));
