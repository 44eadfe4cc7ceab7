//! What the fuzzers start from and what they found: no decoder panics, and none takes more memory than its bound.

// Their own entry points, which their workspace builds into the fuzzers.
#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "there it is a library")]
mod decoders;

use std::fs;
use std::path::Path;

type Decode = fn(&[u8]);

/// Most memory that any input may take, and the runtime of the tests on top of it.
const MOST_GROWTH_KB: u64 = 64 << 10;

#[test]
fn no_input_makes_a_decoder_panic_or_take_memory_without_bound() {
    let targets: [(&str, Decode); 3] = [
        ("arrow", decoders::arrow),
        ("json", decoders::json),
        ("lz4", decoders::lz4),
    ];
    for (target, decode) in targets {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(target);
        let files = fs::read_dir(&folder).expect("the corpus is there");
        let mut inputs = 0;
        for file in files {
            let path = file.expect("a file").path();
            let input = fs::read(&path).expect("it can be read");
            let before = peak_kb();
            decode(&input);
            let grown = peak_kb() - before;
            assert!(grown <= MOST_GROWTH_KB, "{}: {grown} kB", path.display());
            inputs += 1;
        }
        assert!(inputs >= 9, "{target}: {inputs} inputs");
    }
}

/// The most memory that this process had at any time; 0 where only other systems tell.
fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"));
    peak.map_or(0, |number| number.parse().expect("a number"))
}
