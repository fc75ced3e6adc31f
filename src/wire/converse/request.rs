mod encode;
mod settings;
mod tools;
mod turns;

pub use encode::encode_request;
