//! `cargo run -p casebook-catalog --example measure -- PATH...`: loads every file below the paths, each alone, into a new
//! catalog in a process of its own, and prints what was read, what was loaded, how long it took and in how much memory.
//! BENCHMARKS.md keeps what it said.
//!
//! Options for files that do not say it themselves: `--edition NAME --effective DATE`.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use casebook_catalog::Catalog;
use casebook_catalog::ingest::{Fate, Options, ingest};

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|a| a == "--one") {
        arguments.remove(0);
        return one(&arguments);
    }
    let mut options = Vec::new();
    let mut paths = Vec::new();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        if argument.starts_with("--") {
            options.push(argument);
            options.extend(rest.next());
        } else {
            paths.push(PathBuf::from(argument));
        }
    }
    if paths.is_empty() {
        return Err("usage: measure [--edition NAME --effective DATE] PATH...".into());
    }
    println!("| file | what | read | loaded | seconds | peak memory |");
    println!("|---|---|---:|---:|---:|---:|");
    for path in paths {
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut files = Vec::new();
        below(&path, &mut files)?;
        for file in files {
            let output = Command::new(std::env::current_exe()?)
                .arg("--one")
                .args(&options)
                .arg(&file)
                .arg(&base)
                .output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
            }
            print!("{}", String::from_utf8(output.stdout)?);
        }
    }
    Ok(())
}

/// Every file below a path, in the order of their names.
fn below(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut inside: Vec<PathBuf> = fs_err::read_dir(path)?
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    inside.sort();
    inside.iter().try_for_each(|p| below(p, files))
}

/// Loads one file and prints its lines of the table: one for each release in it.
fn one(arguments: &[String]) -> Result<(), Failed> {
    let [options @ .., file, base] = arguments else {
        return Err("a file and its base are expected".into());
    };
    let value = |name: &str| {
        let at = options.iter().position(|o| o == name)?;
        options.get(at + 1).cloned()
    };
    let options = Options {
        edition: value("--edition"),
        effective: value("--effective").map(|d| d.parse()).transpose()?,
        today: "2026-12-01".parse()?,
        ..Options::default()
    };
    let data = tempfile::tempdir()?;
    let catalog = Catalog::open(data.path())?;
    let begun = RefCell::new(Vec::new());
    let done = ingest(
        &catalog,
        &[PathBuf::from(file)],
        &options,
        data.path(),
        &|_, _| begun.borrow_mut().push(Instant::now()),
    );
    begun.borrow_mut().push(Instant::now());
    let begun = begun.borrow();
    let mut skipped = 0;
    let mut lines = Vec::new();
    for (i, member) in done.iter().enumerate() {
        let seconds = match (begun.get(i), begun.get(i + 1)) {
            (Some(from), Some(to)) => (*to - *from).as_secs_f64(),
            _ => 0.0,
        };
        let (what, read, loaded) = match &member.fate {
            Fate::Loaded(e, report) => {
                let warned = match report.warnings.len() {
                    0 => String::new(),
                    _ => format!("; {}", report.warnings.join("; ")),
                };
                (
                    format!("{}, {}{warned}", e.source, e.edition),
                    report.read.to_string(),
                    e.rows.to_string(),
                )
            }
            Fate::Present(e) => (
                format!(
                    "the same rows as {}",
                    e.file.rsplit('!').next().unwrap_or_default()
                ),
                String::new(),
                String::new(),
            ),
            Fate::Skipped => {
                skipped += 1;
                continue;
            }
            Fate::Refused(why) => (
                format!("refused: {}", why.replace(base.as_str(), "")),
                String::new(),
                "0".to_owned(),
            ),
        };
        let name = member
            .path
            .strip_prefix(base.as_str())
            .unwrap_or(&member.path);
        lines.push((
            name.trim_start_matches('/').to_owned(),
            what,
            read,
            loaded,
            seconds,
        ));
    }
    let peak = peak()?;
    for (name, what, read, loaded, seconds) in lines {
        println!("| {name} | {what} | {read} | {loaded} | {seconds:.2} | {peak} |");
    }
    if skipped > 0 {
        let name = file.strip_prefix(base.as_str()).unwrap_or(file);
        let name = name.trim_start_matches('/');
        println!("| {name} | {skipped} other files inside are no releases | | | | |");
    }
    Ok(())
}

/// The most memory that this process ever held, as Linux counts it.
fn peak() -> Result<String, Failed> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    Ok(line.unwrap_or("unknown").trim().to_owned())
}
