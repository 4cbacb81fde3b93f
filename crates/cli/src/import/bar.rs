//! Tells how far an import is.

use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ingest::mesh::{Progress, Stage};
use serde_json::json;

/// Tells how far an import is: a line that is written over on a terminal, lines of JSON where asked for, else nothing.
pub(crate) struct Bar {
    as_json: bool,
    on_terminal: bool,
    state: Mutex<BarState>,
}

struct BarState {
    stage: Stage,
    total: u64,
    done: u64,
    since: Instant,
    told: Option<Instant>,
    has_begun: bool,
}

impl Bar {
    pub(crate) fn new(as_json: bool) -> Self {
        let state = BarState {
            stage: Stage::Convert,
            total: 0,
            done: 0,
            since: Instant::now(),
            told: None,
            has_begun: false,
        };
        Self { as_json, on_terminal: std::io::stderr().is_terminal(), state: Mutex::new(state) }
    }

    fn tell(&self, state: &BarState) {
        let share = if state.total == 0 { 0.0 } else { state.done as f64 / state.total as f64 };
        let secs = state.since.elapsed().as_secs_f64();
        let left_secs = if share > 0.0 { secs / share - secs } else { 0.0 };
        if self.as_json {
            let line = json!({ "progress": {
                "stage": format!("{:?}", state.stage).to_lowercase(),
                "done": state.done,
                "total": state.total,
                "secondsLeft": left_secs.round(),
            }});
            println!("{line}");
        } else if self.on_terminal {
            let rate = match state.stage {
                Stage::Convert | Stage::Keep if secs > 0.0 => {
                    format!(", {:.0} MB/s", state.done as f64 / 1e6 / secs)
                }
                Stage::Points | Stage::Ground if secs > 0.0 => {
                    format!(", {:.2} M points/s", state.done as f64 / 1e6 / secs)
                }
                _ => String::new(),
            };
            let stage = format!("{:?}", state.stage).to_lowercase();
            eprint!("\r{stage}: {:3.0} %{rate}, {left_secs:.0} s left        ", share * 100.0);
        }
    }

    pub(crate) fn end(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.on_terminal && !self.as_json && state.has_begun {
            eprintln!();
        }
    }
}

impl Progress for Bar {
    fn begin(&self, stage: Stage, total: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = BarState { stage, total, done: 0, since: Instant::now(), told: None, has_begun: true };
        self.tell(&state);
    }

    fn advance(&self, amount: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += amount;
        if state.told.is_none_or(|told| told.elapsed() > Duration::from_millis(200))
            || state.done >= state.total
        {
            state.told = Some(Instant::now());
            self.tell(&state);
        }
    }
}
