//! p50, p99 and the longest update of a settled streamer, for one view and for five; criterion gives no percentiles.
//! Nothing is skipped because the view is still: every update selects anew.

use std::time::{Duration, Instant};

use benches::selection;

const ROUNDS: usize = 4000;

fn main() {
    let (mut streamer, root, one, five) = selection::scene();
    let mut now = Duration::ZERO;
    for views in [one, five] {
        selection::settle(&mut streamer, &root, &views, &mut now);
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                now += Duration::from_millis(16);
                let start = Instant::now();
                streamer.update(&views, now);
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let stats = streamer.plan().stats;
        println!(
            "{} view(s): {} visited, {} culled, {} drawn, settled {}: p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms",
            views.len(),
            stats.visited,
            stats.culled,
            stats.drawn,
            stats.settled,
            at(0.5),
            at(0.99),
            at(1.0),
        );
    }
}
