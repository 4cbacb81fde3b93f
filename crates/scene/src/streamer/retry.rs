//! When a failed request is tried again.

use std::time::Duration;

use super::api::StreamerSettings;

/// The wait before attempt number `attempts + 1`: doubles each time, ± 25 % that depend only on `id` and `attempts`, at
/// least what the server asked for.
pub(super) fn wait(
    settings: &StreamerSettings,
    id: u64,
    attempts: u32,
    retry_after: Option<Duration>,
) -> Duration {
    let doublings = attempts.saturating_sub(1).min(30);
    let base = settings.retry_first.saturating_mul(1 << doublings).min(settings.retry_max);
    let noise = mix(id ^ u64::from(attempts) << 40) >> 11;
    let jitter = 0.75 + 0.5 * (noise as f64 / (1u64 << 53) as f64);
    base.mul_f64(jitter).max(retry_after.unwrap_or(Duration::ZERO))
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_stay_within_jitter_and_honour_the_server() {
        let settings = StreamerSettings::default();
        for id in 0..200 {
            for attempts in 1..=12 {
                let base =
                    settings.retry_first.mul_f64(f64::from(1 << (attempts - 1))).min(settings.retry_max);
                let wait_s = wait(&settings, id, attempts, None).as_secs_f64();
                assert!(wait_s >= base.as_secs_f64() * 0.75 && wait_s <= base.as_secs_f64() * 1.25);
            }
        }
        assert_eq!(wait(&settings, 7, 2, None), wait(&settings, 7, 2, None));
        assert_ne!(wait(&settings, 7, 2, None), wait(&settings, 8, 2, None));
        let asked = Duration::from_secs(120);
        assert_eq!(wait(&settings, 7, 1, Some(asked)), asked);
    }
}
