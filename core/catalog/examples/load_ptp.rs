//! `cargo run -p casebook-catalog --example load_ptp -- DIR`: loads every PTP file of a folder into a new catalog and
//! says how fast, in how much memory, and how large the catalog is. BENCHMARKS.md keeps what it said.

use std::path::Path;
use std::time::Instant;

use casebook_catalog::check::{Claim, Line};
use casebook_catalog::{Catalog, CatalogError, Edition, ncci};
use casebook_releases::archive::{Limits, walk};
use casebook_releases::recognise::recognise;
use casebook_releases::{Kind, Setting};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: load_ptp DIR")?;
    let data = tempfile::tempdir()?;
    let catalog = Catalog::open(data.path())?;
    let begun = Instant::now();
    let (mut rows, mut bytes) = (0, 0);
    walk::<CatalogError>(
        Path::new(&folder),
        data.path(),
        &Limits::default(),
        &mut |member| {
            let Some(found) = recognise(&member).filter(|f| f.kind == Kind::Ptp) else {
                println!("{}: no PTP file", member.path);
                return Ok(());
            };
            let part = Instant::now();
            let edition = Edition {
                id: 0,
                kind: found.kind,
                setting: found.setting,
                source: found.kind.source().to_owned(),
                edition: found.edition.clone().unwrap_or_default(),
                effective: found.effective.unwrap_or_default(),
                through: found.through,
                part: found.part.clone(),
                url: String::new(),
                file: member.path.clone(),
                sha256: member.sha256.clone(),
                rows: 0,
            };
            catalog.load(&edition, |loading| {
                ncci::load(loading, &member, &found).map(|_| ())?;
                println!(
                    "{}: {} rows in {:.1} s",
                    member.path,
                    loading.rows,
                    part.elapsed().as_secs_f64()
                );
                rows += loading.rows;
                Ok(())
            })?;
            bytes += member.bytes;
            Ok(())
        },
    )?;
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{rows} rows, {bytes} bytes, {seconds:.1} s with reading and commits: {:.0} rows a second",
        rows as f64 / seconds
    );
    println!("peak memory: {}", peak()?);
    for entry in fs_err::read_dir(data.path())? {
        let entry = entry?;
        println!(
            "{}: {} bytes",
            entry.file_name().to_string_lossy(),
            entry.metadata()?.len()
        );
    }
    let editions = catalog.editions()?;
    let claim = Claim {
        lines: ["00100", "10100", "36004", "99204", "G0100"]
            .iter()
            .map(|c| c.parse::<Line>())
            .collect::<Result<_, _>>()?,
        date: chrono::NaiveDate::from_ymd_opt(2026, 8, 1).ok_or("no date")?,
        setting: Setting::Practitioner,
    };
    let begun = Instant::now();
    for _ in 0..100 {
        catalog.ncci_check(&claim, &editions)?;
    }
    println!(
        "a check of five codes: {:.2} ms",
        begun.elapsed().as_secs_f64() * 10.0
    );
    Ok(())
}

/// The most memory that this process ever held, as Linux counts it.
fn peak() -> Result<String, Box<dyn std::error::Error>> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|l| l.starts_with("VmHWM"));
    Ok(line.unwrap_or("unknown").to_owned())
}
