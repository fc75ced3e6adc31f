mod encode;
mod media;
mod parts;
mod settings;
mod turns;

pub use encode::encode_request;
