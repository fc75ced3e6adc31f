mod encode;
mod settings;
mod turns;

pub use encode::encode_request;
