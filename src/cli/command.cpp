#include "cli/command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>

#include "cli/suggest.hpp"

namespace asterism::cli {
namespace {

// Height and width of a model's input; more is a slip of the keyboard.
constexpr std::int64_t kImageSizeMax = 8192;

std::string check_count(const std::string& text, std::size_t minimum) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < minimum) {
    return fmt::format("expected a whole number of at least {}, found '{}'", minimum, text);
  }
  return {};
}

struct ImageSize {
  std::int64_t height = 0;
  std::int64_t width = 0;
};

// "224" or "224x192" (height first, as arrays have it).
Result<ImageSize> parse_image_size(const std::string& text) {
  const std::size_t cross = text.find('x');
  const std::string height = text.substr(0, cross);
  const std::string width = cross == std::string::npos ? height : text.substr(cross + 1);
  ImageSize size;
  for (const auto& [digits, value] : {std::pair{&height, &size.height}, std::pair{&width, &size.width}}) {
    const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), *value);
    if (error != std::errc{} || end != digits->data() + digits->size() || *value < 1 || *value > kImageSizeMax) {
      return fail(ErrorCode::kUsage,
                  fmt::format("--image-size: expected N or HxW of 1 to {} pixels, found '{}'", kImageSizeMax, text));
    }
  }
  return size;
}

void add_record_options(CLI::App& command, InputArguments& arguments, const std::string& id_names = "--id-column") {
  command
      .add_option(id_names, arguments.id_column, "jsonl key or csv column that names the row [id, where there is one]")
      ->type_name("NAME")
      ->group("Input");
  command
      .add_option("--format", arguments.format,
                  "lines, jsonl, csv, tsv or auto [auto: by the file's extension, else lines]")
      ->type_name("FORMAT")
      ->group("Input");
}

}  // namespace

void add_common_options(CLI::App& command, CommandLine& line) {
  command.set_help_flag("-h,--help", "show this text")->group("Common");
  command.add_flag("--json", line.json, "results as JSON on stdout, errors as one JSON object on stderr")
      ->group("Common");
  command.add_flag("-v,--verbose", line.verbose, "say more on stderr")->group("Common");
  command.add_flag("-q,--quiet", line.quiet, "nothing on stderr but warnings and errors")->group("Common");
}

CLI::Option* add_count(CLI::App& command, const std::string& names, std::size_t& value, const std::string& description,
                       std::size_t minimum) {
  return command.add_option(names, value, description)
      ->type_name("N")
      ->check([minimum](const std::string& text) { return check_count(text, minimum); }, "");
}

void add_input_positional(CLI::App& command, InputArguments& arguments) {
  command
      .add_option("input", arguments.inputs,
                  "text files (one text a line), .jsonl, .ndjson, .csv or .tsv files; - is standard input")
      ->type_name("INPUT")
      ->required();
}

void add_input_options(CLI::App& command, InputArguments& arguments) {
  command.add_option("--column", arguments.column, "jsonl key or csv column that holds the text [text]")
      ->type_name("NAME")
      ->group("Input");
  add_record_options(command, arguments);
}

Result<TextReaderOptions> to_reader_options(const InputArguments& arguments) {
  auto format = choose<TextFormat>("--format",
                                   {{"auto", TextFormat::kAuto},
                                    {"lines", TextFormat::kLines},
                                    {"jsonl", TextFormat::kJsonl},
                                    {"csv", TextFormat::kCsv},
                                    {"tsv", TextFormat::kTsv}},
                                   arguments.format);
  if (!format) {
    return std::unexpected(format.error());
  }
  return TextReaderOptions{.inputs = arguments.inputs,
                           .format = *format,
                           .column = arguments.column,
                           .id_column = arguments.id_column,
                           .interrupted = {}};
}

namespace {

void add_row_inputs(CLI::App& command, RowInputArguments& arguments, const std::string& id_names) {
  command
      .add_option("input", arguments.text.inputs,
                  "texts: files (one text a line), .jsonl, .ndjson, .csv or .tsv; images: files, folders, quoted "
                  "patterns ('photos/**/*.jpg'), .tar shards; - is standard input")
      ->type_name("INPUT");
  command
      .add_option("--list", arguments.list,
                  "embed the image files that FILE names, one path a line, relative to the working directory; - is "
                  "standard input")
      ->type_name("FILE")
      ->group("Input");
  command
      .add_option("--kind", arguments.kind,
                  "text, image or auto [auto: images for image files, folders, patterns and .tar, else texts]")
      ->type_name("KIND")
      ->group("Input");
  command
      .add_flag("--preprocessed", arguments.preprocessed,
                "the inputs are .npy or .safetensors arrays [rows, channels, height, width], ready for the model")
      ->group("Input");
  command
      .add_option(
          "--column", arguments.text.column,
          "jsonl key or csv column that holds the text [text], with --kind image the path of the image, relative "
          "to the file it stands in [path]; with --preprocessed the tensor")
      ->type_name("NAME")
      ->group("Input");
  add_record_options(command, arguments.text, id_names);
}

}  // namespace

void add_row_input_options(CLI::App& command, RowInputArguments& arguments) {
  add_row_inputs(command, arguments, "--id-column");
}

void add_row_input_options_with_id(CLI::App& command, RowInputArguments& arguments) {
  add_row_inputs(command, arguments, "--id,--id-column");
  // Arrays of pixels have neither text nor file that could be kept.
  command.remove_option(command.get_option("--preprocessed"));
  command.get_option("--list")->description("the image files that FILE names, one path a line; - is standard input");
  command.get_option("--column")
      ->description(
          "jsonl key or csv column that holds the text [text], with --kind image the path of the image, relative to "
          "the "
          "file it stands in [path]");
  command.get_option("--id")->description(
      "jsonl key or csv column that names the row [id, where there is one; else the path of an image, FILE:LINE of a "
      "text]");
}

void add_row_search_options(CLI::App& command, RowInputArguments& arguments) {
  command
      .add_option("--in", arguments.text.inputs,
                  "compare with the rows of this file, folder, pattern or .tar (repeatable; - is stdin)")
      ->type_name("INPUT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("Input");
  command.add_option("--list", arguments.list, "compare with the image files that FILE names, one path a line")
      ->type_name("FILE")
      ->group("Input");
  command
      .add_option("--in-kind", arguments.kind,
                  "text, image or auto: what the rows are [auto: images for image files, folders, patterns and .tar, "
                  "else texts]")
      ->type_name("KIND")
      ->group("Input");
  command
      .add_option("--column", arguments.text.column,
                  "jsonl key or csv column that holds the text [text], or the path of the image [path]")
      ->type_name("NAME")
      ->group("Input");
  add_record_options(command, arguments.text);
}

Result<RowSourceOptions> to_row_source_options(const RowInputArguments& arguments) {
  auto text = to_reader_options(arguments.text);
  if (!text) {
    return std::unexpected(text.error());
  }
  auto kind = choose<InputKind>(
      "--kind", {{"auto", InputKind::kAuto}, {"text", InputKind::kText}, {"image", InputKind::kImage}}, arguments.kind);
  if (!kind) {
    return std::unexpected(kind.error());
  }
  if (arguments.preprocessed) {
    if (*kind == InputKind::kText) {
      return fail(ErrorCode::kUsage, "--preprocessed: expected images, found --kind text");
    }
    kind = InputKind::kTensor;
  }
  if (arguments.text.inputs.empty() == arguments.list.empty()) {
    return fail(
        ErrorCode::kUsage,
        arguments.list.empty() ? "INPUT is missing: expected files or folders, or --list FILE"
                               : "INPUT and --list: expected one of them, found both",
        arguments.list.empty() ? "name files or folders, or - for standard input" : "write the inputs into the list");
  }
  return RowSourceOptions{.inputs = std::move(text->inputs),
                          .list = arguments.list,
                          .kind = *kind,
                          .format = text->format,
                          .column = std::move(text->column),
                          .id_column = std::move(text->id_column)};
}

void add_model_option(CLI::App& command, std::string& model) {
  command
      .add_option("-m,--model", model,
                  "builtin, an id of `asterism models list`, org/name[@revision] on the Hugging Face hub, or a folder "
                  "[builtin; for images builtin-image]")
      ->type_name("MODEL")
      ->group("Model");
}

void add_encoder_options(CLI::App& command, EncoderArguments& arguments) {
  add_model_option(command, arguments.model);
  command.add_option("--prompt", arguments.prompt_name, "put the model's prompt of this name before every text")
      ->type_name("NAME")
      ->group("Model");
  arguments.prompt_text_option =
      command.add_option("--prompt-text", arguments.prompt_text, "put this before every text")
          ->type_name("TEXT")
          ->group("Model");
  arguments.normalize_option = command
                                   .add_flag("--normalize,!--no-normalize", arguments.normalize,
                                             "scale every vector to length 1, or do not [what the model says]")
                                   ->group("Model");
  add_count(command, "--dim", arguments.options.dim,
            "keep the first N components, before normalising (Matryoshka) [all]")
      ->group("Model");
  command
      .add_option(
          "--pooling,--pool", arguments.options.pooling,
          "texts: cls, max, mean, mean_sqrt_len, weightedmean, lasttoken, or several joined by +; images: avg, max, "
          "gem, cls, flatten or none [what the model says]")
      ->type_name("MODE")
      ->group("Model");
  command
      .add_option(
          "--layer", arguments.layers,
          "take the vectors at this layer (`asterism models layers MODEL`); what follows it is cut away; may be given "
          "several times [the last]")
      ->type_name("NAME")
      ->group("Model");
  add_count(command, "--max-length", arguments.options.token_count_max,
            "cut texts to N tokens, special tokens included [what the model says]")
      ->group("Model");
  command
      .add_option("--precision", arguments.precision,
                  "auto, f32 or bf16 [auto: bf16 where the processor has it natively, else f32]")
      ->type_name("P")
      ->group("Running");
  add_count(command, "--threads", arguments.options.thread_count,
            "threads in all [every processor this process may use]")
      ->group("Running");
  command
      .add_flag("--batch-invariant", arguments.options.batch_invariant,
                "bit-equal vectors whatever else is in the batch; slower")
      ->group("Running");
}

void add_image_size_option(CLI::App& command, std::string& image_size) {
  command
      .add_option("--image-size", image_size,
                  "size of the model's input in pixels: N for a square, or HxW [what the model says]")
      ->type_name("SIZE")
      ->group("Model");
}

void add_image_options(CLI::App& command, EncoderArguments& arguments) {
  add_image_size_option(command, arguments.image_size);
  command
      .add_option("--interpolation", arguments.options.interpolation,
                  "filter of the resize: nearest, box, bilinear, hamming, bicubic or lanczos [what the model says]")
      ->type_name("NAME")
      ->group("Model");
  command
      .add_option("--crop-mode", arguments.options.crop_mode,
                  "how pictures of another shape meet the input: center (cover it, crop the rest), squash or border "
                  "[what the model says]")
      ->type_name("MODE")
      ->group("Model");
  command
      .add_option("--mean", arguments.options.mean,
                  "subtracted from pixels scaled to [0, 1]: one number, or one a channel [what the model says]")
      ->type_name("X[,X,X]")
      ->delimiter(',')
      ->group("Model");
  command.add_option("--std", arguments.options.std, "what they are divided by then, likewise [what the model says]")
      ->type_name("X[,X,X]")
      ->delimiter(',')
      ->group("Model");
  command
      .add_flag("--allow-truncated", arguments.options.allow_truncated,
                "take what there is of an image file that is cut short, instead of failing its row")
      ->group("Input");
}

Result<void> set_image_size(const std::string& image_size, EncoderOptions& options) {
  if (image_size.empty()) {
    return {};
  }
  const auto size = parse_image_size(image_size);
  if (!size) {
    return std::unexpected(size.error());
  }
  options.image_height = size->height;
  options.image_width = size->width;
  return {};
}

Result<EncoderOptions> to_encoder_options(const EncoderArguments& arguments) {
  auto precision = choose<Precision>("--precision",
                                     {{"auto", Precision::kAuto}, {"f32", Precision::kF32}, {"bf16", Precision::kBF16}},
                                     arguments.precision);
  if (!precision) {
    return std::unexpected(precision.error());
  }
  EncoderOptions options = arguments.options;
  options.layers = arguments.layers;
  if (auto ok = set_image_size(arguments.image_size, options); !ok) {
    return std::unexpected(ok.error());
  }
  options.precision = *precision;
  options.prompt_name = arguments.prompt_name;
  if (arguments.prompt_text_option->count() > 0) {
    if (!arguments.prompt_name.empty()) {
      return fail(ErrorCode::kUsage, "--prompt and --prompt-text: expected one of them, found both",
                  "--prompt takes a name from `asterism models show MODEL`, --prompt-text the words themselves");
    }
    options.prompt = arguments.prompt_text;
  }
  if (arguments.normalize_option != nullptr && arguments.normalize_option->count() > 0) {
    options.normalize = arguments.normalize;
  }
  return options;
}

Error choice_error(std::string_view option, const std::vector<std::string_view>& expected, std::string_view found) {
  std::string list;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    list += fmt::format("{}{}", i == 0 ? "" : i + 1 == expected.size() ? " or " : ", ", expected[i]);
  }
  const std::vector<std::string> names(expected.begin(), expected.end());
  const auto suggestion = closest(found, names);
  return Error{ErrorCode::kUsage, fmt::format("{}: expected {}, found '{}'", option, list, found),
               suggestion ? fmt::format("did you mean {}?", *suggestion) : std::string{}};
}

}  // namespace asterism::cli
