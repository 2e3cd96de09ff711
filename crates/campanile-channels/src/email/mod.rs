//! E-mail: what all providers share.

mod attachment;
mod mime;
mod smtp;

pub use attachment::{Attachment, from_data, parse as parse_attachments};
pub use mime::build as build_mime;
pub use smtp::{
    PROVIDER as SMTP, Security, SmtpAccount, SmtpMail, SmtpReply, SmtpStage, classify, classify_error,
};

/// The text on one line: a break would let a rendered value add headers of its own (R9.6).
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\n' => line.push(' '),
            c => line.push(c),
        }
    }
    line.trim().to_owned()
}

/// The addresses of a comma list: split outside quotes, trimmed, empties dropped.
pub fn split_addresses(list: &str) -> Vec<String> {
    let mut addresses = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in list.chars() {
        match c {
            ',' if !quoted => addresses.push(String::new()),
            _ => {
                quoted ^= c == '"' && !escaped;
                if let Some(last) = addresses.last_mut() {
                    last.push(c);
                }
            }
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    addresses.iter().map(|address| one_line(address)).filter(|address| !address.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_outside_quotes_only() {
        for (list, want) in [
            ("", vec![]),
            (" , ,", vec![]),
            ("a@x.io, b@x.io ,", vec!["a@x.io", "b@x.io"]),
            (r#""Doe, J" <j@x.io>,k@x.io"#, vec![r#""Doe, J" <j@x.io>"#, "k@x.io"]),
            (r#""a\",b" <j@x.io>, k@x.io"#, vec![r#""a\",b" <j@x.io>"#, "k@x.io"]),
        ] {
            assert_eq!(split_addresses(list), want, "{list}");
        }
    }

    #[test]
    fn breaks_become_one_space() {
        for (text, want) in
            [("a\r\nBcc: x", "a Bcc: x"), ("a\nb\rc", "a b c"), ("plain", "plain"), ("end\r\n", "end")]
        {
            assert_eq!(one_line(text), want, "{text:?}");
        }
    }
}
