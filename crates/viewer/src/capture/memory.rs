//! What the process takes, as Linux tells.

/// Proportional set size of this process, bytes; `None` where the system does not tell.
pub fn pss_bytes() -> Option<u64> {
    kib_of("/proc/self/smaps_rollup", "Pss:")
}

/// Largest resident set size so far, bytes; `None` where the system does not tell.
pub fn peak_rss_bytes() -> Option<u64> {
    kib_of("/proc/self/status", "VmHWM:")
}

fn kib_of(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Keeps the largest sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeakPss {
    /// Largest so far, bytes.
    pub bytes: u64,
}

impl PeakPss {
    /// Takes a sample; costs about a millisecond.
    pub fn sample(&mut self) {
        self.bytes = self.bytes.max(pss_bytes().unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_running_process_takes_something() {
        let (pss, rss) = (super::pss_bytes().unwrap_or(0), super::peak_rss_bytes().unwrap_or(0));
        assert!(pss > 100 << 10 && rss >= pss, "PSS {pss}, peak RSS {rss}");
    }
}
