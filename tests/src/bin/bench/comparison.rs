//! Several builds of the tools, run in turn on the same cases, so that what the neighbours do meets all of them. Each is
//! compared with the first one, within the same round; the table shows the median and, behind it, least and most.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use crate::pipeline::Run;
use crate::throughput::{CASES, Case, Material, run};
use crate::{Build, Plan, median};

const TOOLS: [&str; 4] = ["logtail", "logparse", "logfilter", "logpost"];

/// What is compared unless the user names something else.
const USUAL: [&str; 14] = [
    "pipe, all records",
    "pipe with --state",
    "pipe, errors only",
    "logtail --tag",
    "logparse, tagged",
    "logfilter -W, all",
    "logpost",
    "logpost, gzip",
    "logpost, loki",
    "logpost, victoria",
    "logpost, otlp",
    "logparse json",
    "logpost, JSON",
    "four cats",
];

/// Measures and prints; `plan` has two builds at least.
pub fn table(plan: &Plan, material: &Material, scratch: &Path, url: &str) -> io::Result<()> {
    sizes(&plan.builds)?;
    let is_chosen = |case: &Case| {
        let is_named = plan.only.iter().any(|text| case.name.contains(text.as_str()));
        if plan.only.is_empty() { USUAL.contains(&case.name) } else { is_named }
    };
    let cases: Vec<&Case> = CASES.iter().filter(|case| is_chosen(case)).collect();
    let mut runs: BTreeMap<(&str, &str), Vec<Run>> = BTreeMap::new();
    for round in 0..plan.rounds {
        for case in &cases {
            // Whoever comes first finds the caches as the case before has left them: each is it once in a while.
            let first = round % plan.builds.len();
            for build in plan.builds[first..].iter().chain(&plan.builds[..first]) {
                let state = scratch.join(format!("state-{round}-{}-{}", build.name, case.name.replace(' ', "-")));
                match run(case, Some(&build.directory), material, &state, url) {
                    Ok(run) => runs.entry((case.name, &build.name)).or_default().push(run),
                    Err(error) => writeln!(io::stderr(), "bench: {} ({}): {error}", case.name, build.name)?,
                }
            }
        }
    }
    writeln!(
        io::stdout(),
        "\n{:<18} {:<10} {:>6} {:>7} {:>20} {:>20}  CPU s and peak MiB by member",
        "case",
        "build",
        "MB/s",
        "CPU s",
        "speed × (spread)",
        "CPU × (spread)"
    )?;
    for case in cases {
        let bytes = material.bytes(case.source)?;
        let Some(base) = runs.get(&(case.name, &plan.builds[0].name)) else { continue };
        for build in &plan.builds {
            if let Some(own) = runs.get(&(case.name, &build.name)) {
                print(case.name, &build.name, own, base, bytes)?;
            }
        }
    }
    Ok(())
}

/// How many bytes each tool has.
fn sizes(builds: &[Build]) -> io::Result<()> {
    let row = |name: &str, cells: [&dyn Display; 4], all: &dyn Display| {
        let [logtail, logparse, logfilter, logpost] = cells;
        writeln!(io::stdout(), "{name:<29} {logtail:>10} {logparse:>10} {logfilter:>10} {logpost:>10} {all:>10}")
    };
    writeln!(io::stdout())?;
    row("bytes", TOOLS.each_ref().map(|tool| tool as &dyn Display), &"all")?;
    for build in builds {
        let sizes = TOOLS.map(|tool| build.directory.join(tool).metadata().map_or(0, |metadata| metadata.len()));
        row(&build.name, sizes.each_ref().map(|size| size as &dyn Display), &sizes.iter().sum::<u64>())?;
    }
    Ok(())
}

fn print(case: &str, build: &str, runs: &[Run], base: &[Run], bytes: f64) -> io::Result<()> {
    let of = |figure: fn(&Run) -> f64| -> Vec<f64> { runs.iter().map(figure).collect() };
    let against = |figure: fn(&Run) -> f64| -> Vec<f64> {
        // A short run may cost less than the clock of the processor can tell.
        let pairs = runs.iter().zip(base).filter(|(_, base)| figure(base) > 0.0);
        pairs.map(|(own, base)| figure(own) / figure(base)).collect()
    };
    let (speed, slowest, fastest) = median(&against(|run| 1.0 / run.wall.as_secs_f64()));
    let (cost, cheapest, dearest) = median(&against(|run| run.cpu().as_secs_f64()));
    let members: Vec<String> = (0..runs.first().map_or(0, |run| run.used.len()))
        .map(|place| {
            let cpu: Vec<f64> = runs.iter().map(|run| run.used[place].cpu.as_secs_f64()).collect();
            #[expect(clippy::cast_precision_loss, reason = "mebibytes, shown with one decimal")]
            let peaks: Vec<f64> = runs.iter().map(|run| run.used[place].peak as f64 / 1_048_576.0).collect();
            let name = runs[0].used[place].name.rsplit('/').next().unwrap_or_default();
            format!("{name} {:.2} {:.1}", median(&cpu).0, median(&peaks).2)
        })
        .collect();
    writeln!(
        io::stdout(),
        "{case:<18} {build:<10} {:>6.0} {:>7.2} {speed:>6.2} ({slowest:>4.2} to {fastest:>4.2}) {cost:>6.2} ({cheapest:>4.2} to {dearest:>4.2})  {}",
        bytes / 1e6 / median(&of(|run| run.wall.as_secs_f64())).0,
        median(&of(|run| run.cpu().as_secs_f64())).0,
        members.join(", ")
    )
}
