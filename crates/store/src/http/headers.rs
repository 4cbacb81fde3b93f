//! What response headers say about keeping an answer (RFC 9111) and about asking again (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderName};

use crate::cache::Freshness;

/// Longer waits and lifetimes than this are cut: a year.
const MAX_S: u64 = 365 * 24 * 3600;

/// How an answer may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) may_store: bool,
    pub(crate) freshness: Freshness,
}

impl Policy {
    pub(crate) fn of(headers: &HeaderMap, now_s: u64) -> Self {
        let mut may_store = text(headers, header::VARY).is_none_or(|vary| vary.trim() != "*");
        let mut max_age_s = None;
        let mut is_checked_always = false;
        for value in headers.get_all(header::CACHE_CONTROL) {
            for directive in value.to_str().unwrap_or_default().split(',') {
                let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
                match name.trim().to_ascii_lowercase().as_str() {
                    "no-store" => may_store = false,
                    "no-cache" => is_checked_always = true,
                    // An unreadable age counts as none (RFC 9111 §4.2.1).
                    "max-age" => max_age_s = Some(argument.trim().trim_matches('"').parse().unwrap_or(0)),
                    _ => {}
                }
            }
        }
        let lifetime_s = max_age_s.unwrap_or_else(|| expires_in_s(headers));
        let age_s = text(headers, header::AGE).and_then(|age| age.trim().parse().ok()).unwrap_or(0);
        let fresh_for_s = if is_checked_always { 0 } else { lifetime_s.min(MAX_S).saturating_sub(age_s) };
        Self { may_store, freshness: Freshness { checked_at_s: now_s, fresh_for_s } }
    }
}

fn expires_in_s(headers: &HeaderMap) -> u64 {
    let date = |name| text(headers, name).and_then(|date| httpdate::parse_http_date(&date).ok());
    match (date(header::EXPIRES), date(header::DATE)) {
        (Some(expires), Some(date)) => expires.duration_since(date).map_or(0, |lifetime| lifetime.as_secs()),
        _ => 0,
    }
}

pub(crate) fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, header::RETRY_AFTER)?;
    let wait = match value.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(&value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(Duration::from_secs(MAX_S)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn policy(pairs: &[(HeaderName, &str)]) -> (bool, u64) {
        let policy = Policy::of(&headers(pairs), 1000);
        assert_eq!(policy.freshness.checked_at_s, 1000);
        (policy.may_store, policy.freshness.fresh_for_s)
    }

    #[test]
    fn freshness_follows_the_headers() {
        assert_eq!(policy(&[]), (true, 0));
        assert_eq!(policy(&[(header::CACHE_CONTROL, "public, Max-Age=60")]), (true, 60));
        assert_eq!(policy(&[(header::CACHE_CONTROL, "max-age=60"), (header::AGE, "45")]), (true, 15));
        assert_eq!(policy(&[(header::CACHE_CONTROL, "max-age=60, no-cache")]), (true, 0));
        assert_eq!(policy(&[(header::CACHE_CONTROL, "no-store")]), (false, 0));
        assert_eq!(policy(&[(header::CACHE_CONTROL, "max-age=abc")]), (true, 0));
        assert_eq!(policy(&[(header::VARY, "*")]), (false, 0));
        assert_eq!(policy(&[(header::CACHE_CONTROL, "max-age=99999999999")]), (true, MAX_S));
        let date = (header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        let expires = (header::EXPIRES, "Sun, 06 Nov 1994 08:50:37 GMT");
        assert_eq!(policy(&[date.clone(), expires.clone()]), (true, 60));
        assert_eq!(policy(&[date, expires, (header::CACHE_CONTROL, "max-age=5")]), (true, 5));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let wait = |value| retry_after(&headers(&[(header::RETRY_AFTER, value)]), now);
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
    }
}
