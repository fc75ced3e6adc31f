mod content;
mod decode;
mod encode;
mod items;
mod write_content;
mod write_items;

pub use decode::decode_request;
pub use encode::encode_request;
