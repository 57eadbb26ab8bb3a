//! Names the folder for what tests install and keep between runs: inside the target folder, so that
//! `cargo clean` removes it and nothing else on the machine is touched.

fn main() {
    // OUT_DIR is <target>/<profile>/build/<package>/out.
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR").expect("set by cargo"));
    let target = out
        .ancestors()
        .nth(4)
        .expect("OUT_DIR lies in the target folder");
    println!(
        "cargo:rustc-env=CASEBOOK_TEST_TMP={}",
        target.join("casebook-tests").display()
    );
    println!("cargo:rerun-if-changed=build.rs");
}
