//! Stages the type stubs where maturin picks them up for the wheel.
use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=stubs");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    for entry in fs::read_dir("stubs").expect("the stubs folder is part of the source tree") {
        let path = entry.expect("a readable directory entry").path();
        let name = path.file_name().expect("an entry has a name");
        fs::copy(&path, Path::new(&out).join(name)).expect("OUT_DIR is writable");
    }
}
