mod content;
mod decode;
mod encode;
mod knobs;
mod messages;

pub use decode::decode_request;
pub use encode::encode_request;

use serde::Deserialize;

use crate::ir::{Request, Tool};
use crate::wire::lean;

/// The names of the caller's custom tools, whose calls have text for arguments and a form of their own.
fn custom_names(request: &Request) -> Vec<String> {
    request.tools.iter().filter_map(custom_name).collect()
}

fn custom_name(tool: &Tool) -> Option<String> {
    #[derive(Deserialize)]
    struct Told {
        custom: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    match tool {
        Tool::Native { kind, raw } if kind == "custom" => Some(lean::from_str::<Told>(raw.get()).ok()?.custom.name),
        _ => None,
    }
}
