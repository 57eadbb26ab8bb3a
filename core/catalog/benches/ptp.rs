//! Loading 100,000 PTP edits, and checking five codes against them.

mod generator;

use casebook_catalog::check::{Claim, Line};
use casebook_catalog::{Catalog, Edition, ncci};
use casebook_releases::recognise::recognise;
use casebook_releases::{Member, Setting};
use criterion::{BatchSize, Criterion, Throughput};

const ROWS: u64 = 100_000;

type Failed = Box<dyn std::error::Error>;

fn load(catalog: &Catalog, members: &[Member]) -> Result<(), Failed> {
    for member in members {
        let found = recognise(member).ok_or("not recognised")?;
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
        catalog.load(&edition, |l| ncci::load(l, member, &found).map(|_| ()))?;
    }
    Ok(())
}

fn new() -> Result<(tempfile::TempDir, Catalog), Failed> {
    let folder = tempfile::tempdir()?;
    let catalog = Catalog::open(folder.path())?;
    Ok((folder, catalog))
}

fn main() -> Result<(), Failed> {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut loaded = Vec::new();
    for (name, format) in [
        ("text", generator::Format::Text),
        ("workbook", generator::Format::Workbook),
    ] {
        let folder = tempfile::tempdir()?;
        let mut members = Vec::new();
        for path in generator::generate(folder.path(), ROWS, 1, format)? {
            let bytes = fs_err::read(&path)?;
            members.push(Member::from_bytes(path.display().to_string(), bytes));
        }
        let mut failed = Ok(());
        let mut group = criterion.benchmark_group("load 100,000 PTP edits");
        group.throughput(Throughput::Elements(ROWS));
        group.bench_function(name, |b| {
            b.iter_batched(
                new,
                |made| {
                    let made = made.and_then(|(folder, catalog)| {
                        load(&catalog, &members)?;
                        Ok((folder, catalog))
                    });
                    if let Err(e) = &made {
                        failed = Err(e.to_string());
                    }
                    made
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
        failed?;
        loaded = members;
    }
    let (_folder, catalog) = new()?;
    load(&catalog, &loaded)?;
    let editions = catalog.editions()?;
    let claim = Claim {
        lines: ["00100", "10100", "36004", "99204", "G0100"]
            .iter()
            .map(|c| c.parse::<Line>())
            .collect::<Result<_, _>>()?,
        date: chrono::NaiveDate::from_ymd_opt(2026, 8, 1).ok_or("no date")?,
        setting: Setting::Practitioner,
    };
    criterion.bench_function("check five codes", |b| {
        b.iter(|| catalog.ncci_check(&claim, &editions))
    });
    criterion.final_summary();
    Ok(())
}
