//! kubectl's flags about templates.

use clap::{ArgAction, Args};

use super::{AcquireArgs, Cli, Command, CreateArgs, RenewArgs};
use crate::output::format::{GrantFormat as Grant, ObjectFormat as Object, StatusFormat as Status};

/// How templates are read, and another way to give one.
#[derive(Args, Debug)]
pub struct TemplateArgs {
    /// Leave out what a template names and is not there; with =false that is an error
    #[arg(
        long,
        hide = true,
        action = ArgAction::Set,
        default_value = "true",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_name = "true|false",
        value_parser = |text: &str| truth(text).ok_or("allowed: true, false"),
    )]
    pub allow_missing_template_keys: bool,
    /// The template for -o jsonpath, jsonpath-as-json or jsonpath-file; put there before the words are parsed
    #[arg(
        long,
        hide = true,
        value_name = "TEMPLATE",
        help = "The template, where -o jsonpath names none"
    )]
    pub template: Option<String>,
}

/// As Go reads them (`strconv.ParseBool`).
pub fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

impl Cli {
    /// The same, with the templates of `-o` as strict as `--allow-missing-template-keys` says.
    pub fn with_strict_templates(mut self) -> Self {
        match &mut self.command {
            Command::Create(CreateArgs { output, .. })
            | Command::Renew(RenewArgs { output, .. }) => {
                strict(&mut output.format, &output.template, Object::strict);
            }
            Command::Release(args) => {
                let output = &mut args.output;
                strict(&mut output.format, &output.template, Object::strict);
            }
            Command::Steal(args) => {
                let output = &mut args.output;
                strict(&mut output.format, &output.template, Grant::strict);
            }
            Command::Acquire(AcquireArgs { output, .. }) => {
                strict(&mut output.format, &output.template, Grant::strict);
            }
            Command::Prune(args) => {
                let output = &mut args.output;
                strict(&mut output.format, &output.template, Object::strict);
            }
            Command::Wait(args) => {
                let output = &mut args.output;
                strict(&mut output.format, &output.template, Object::strict);
            }
            Command::Failover(args) => {
                let output = &mut args.output;
                strict(&mut output.format, &output.template, Object::strict);
            }
            Command::Status(args) => strict(&mut args.output, &args.template, Status::strict),
            Command::Hold(_)
            | Command::Check(_)
            | Command::CanI(_)
            | Command::Options(_)
            | Command::Version(_)
            | Command::Completion(_)
            | Command::Explain(_)
            | Command::Man(_) => {}
        }
        self
    }
}

/// Changes the format where missing keys are not allowed.
fn strict<T>(format: &mut Option<T>, args: &TemplateArgs, strict: fn(T) -> T) {
    if !args.allow_missing_template_keys {
        *format = format.take().map(strict);
    }
}
