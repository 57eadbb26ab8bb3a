//! `cargo run -p casebook-catalog --example generate_ptp -- DIR ROWS [--xlsx] [--seed N]`: made-up PTP edits in the
//! publisher's layout, in four files. A full set has about 2,400,000 rows.

#[path = "../benches/generator/mod.rs"]
mod generator;

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(folder), Some(rows)) = (arguments.first(), arguments.get(1)) else {
        return Err("usage: generate_ptp DIR ROWS [--xlsx] [--seed N]".into());
    };
    let format = if arguments.iter().any(|a| a == "--xlsx") {
        generator::Format::Workbook
    } else {
        generator::Format::Text
    };
    let seed = match arguments.iter().position(|a| a == "--seed") {
        Some(at) => arguments
            .get(at + 1)
            .ok_or("--seed needs a number")?
            .parse()?,
        None => 1,
    };
    fs_err::create_dir_all(folder)?;
    for path in generator::generate(Path::new(folder), rows.parse()?, seed, format)? {
        println!(
            "{} {} bytes",
            path.display(),
            fs_err::metadata(&path)?.len()
        );
    }
    Ok(())
}
