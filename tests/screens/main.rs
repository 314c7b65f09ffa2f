//! The screens of `egret watch`, drawn of real captures by the real engine into memory.
//!
//! [`stage`] is the outside: it answers effects as the terminal's owner would. [`golden`] holds every screen to a page of text
//! with its styles beside it, at several sizes; [`keys`] plays scripts of keys and clicks; [`random`] plays nonsense; [`pages`]
//! asks the engine for pages of its lists.

mod golden;
mod keys;
mod pages;
mod picture;
mod random;
mod stage;
