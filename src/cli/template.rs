//! kubectl's flags about templates.

use clap::{ArgAction, Args};

use super::{Cli, Command, GrantFormat, ObjectFormat, StatusFormat};

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

/// Why there is no Go template, and what there is; `flag` asks for it.
pub fn no_go_templates(flag: &str) -> String {
    format!(
        "Go templates need Go; use -o jsonpath=TEMPLATE (status has custom-columns=HEADER:PATH,… too), or kubectl get lease NAME {flag}=…, which knows the lease itself"
    )
}

impl Cli {
    /// The same, with the templates of `-o` as strict as `--allow-missing-template-keys` says.
    pub fn with_strict_templates(mut self) -> Self {
        match &mut self.command {
            Command::Create(args) => object(&mut args.output.format, &args.output.template),
            Command::Renew(args) => object(&mut args.output.format, &args.output.template),
            Command::Release(args) => object(&mut args.output.format, &args.output.template),
            Command::Acquire(args) => grant(&mut args.output.format, &args.output.template),
            Command::Steal(args) => grant(&mut args.output.format, &args.output.template),
            Command::Status(args) => status(&mut args.output, &args.template),
            Command::Hold(_)
            | Command::Check(_)
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
fn strict<T>(format: &mut Option<T>, args: &TemplateArgs, strict: impl FnOnce(T) -> T) {
    if !args.allow_missing_template_keys {
        *format = format.take().map(strict);
    }
}

fn object(format: &mut Option<ObjectFormat>, args: &TemplateArgs) {
    strict(format, args, strict_object);
}

fn strict_object(format: ObjectFormat) -> ObjectFormat {
    match format {
        ObjectFormat::Name => ObjectFormat::Name,
        ObjectFormat::Value(format) => ObjectFormat::Value(format.strict()),
    }
}

fn grant(format: &mut Option<GrantFormat>, args: &TemplateArgs) {
    strict(format, args, |format| match format {
        GrantFormat::Env => GrantFormat::Env,
        GrantFormat::Object(format) => GrantFormat::Object(strict_object(format)),
    });
}

fn status(format: &mut Option<StatusFormat>, args: &TemplateArgs) {
    strict(format, args, |format| match format {
        StatusFormat::Value(format) => StatusFormat::Value(format.strict()),
        // As in kubectl, a column of what is not there is <none>.
        StatusFormat::Wide | StatusFormat::Name | StatusFormat::CustomColumns(_) => format,
    });
}
