#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/file.hpp"
#include "base/thread_pool.hpp"
#include "base/writable.hpp"
#include "cli/evaluate_arguments.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "image/png_encode.hpp"
#include "service/classify.hpp"
#include "service/contact_sheet.hpp"

namespace asterism::cli {
namespace {

struct EyeArguments {
  service::ContactSheetRequest request;
  std::string columns;
  std::string methods;
  std::string page = "contact-sheet.html";
  std::string image;  // FILE.png; empty: none
  std::size_t seed = 0;
  std::size_t thread_count = 0;
};

Result<int> run_eye(const EyeArguments& arguments, Console& console) {
  service::ContactSheetRequest request = arguments.request;
  for (const std::string& file : {arguments.page, arguments.image}) {
    if (auto ok = expect_writable(file); !ok) {
      return std::unexpected(ok.error());
    }
  }
  request.columns = service::split_labels(arguments.columns, ',');
  request.methods = service::split_labels(arguments.methods, ',');
  request.seed = arguments.seed;
  request.with_image = !arguments.image.empty();
  ThreadPool pool(arguments.thread_count > 0 ? arguments.thread_count : available_processor_count());
  const auto sheet = service::contact_sheet(request, {.pool = pool, .cancel = &cancel_on_interrupt()});
  if (!sheet) {
    return std::unexpected(sheet.error());
  }
  if (auto written = write_file_atomic(arguments.page, sheet->page); !written) {
    return std::unexpected(written.error());
  }
  if (!arguments.image.empty()) {
    const auto png = encode_png(sheet->image);
    if (!png) {
      return std::unexpected(png.error());
    }
    if (auto written = write_file_atomic(arguments.image, *png); !written) {
      return std::unexpected(written.error());
    }
  }
  for (const std::string& note : sheet->notes) {
    console.note("left out: " + note);
  }
  if (console.json()) {
    console.print(json_line({{"page", arguments.page},
                             {"image", arguments.image.empty() ? Json(nullptr) : Json(arguments.image)},
                             {"pictures", sheet->picture_count},
                             {"left_out", sheet->notes}}));
  } else {
    console.note(fmt::format("{} pictures written: {}{}", sheet->picture_count, arguments.page,
                             arguments.image.empty() ? "" : ", " + arguments.image));
  }
  return 0;
}

}  // namespace

void add_evaluate_eye(CLI::App& parent, CommandLine& line) {
  CLI::App& command = *parent.add_subcommand(
      "eye", "Look at vectors: projections to two dimensions, coloured by columns, on one page.");
  auto arguments = std::make_shared<EyeArguments>();
  command.add_option("input", arguments->request.input, "vectors: .npy, .safetensors, .jsonl, or a collection")
      ->type_name("VECTORS")
      ->required();
  command
      .add_option("--color", arguments->columns,
                  "columns to colour by, separated by commas; supervised projections learn from the first")
      ->type_name("COLUMNS")
      ->group("Input");
  command
      .add_option("--columns-file", arguments->request.columns_file,
                  "a file with a row for each vector that holds the columns")
      ->type_name("FILE")
      ->group("Input");
  command
      .add_option("--methods", arguments->methods,
                  "projections, separated by commas, as of `asterism reduce` [every one that the data allows]")
      ->type_name("METHODS")
      ->group("Evaluation");
  command.add_option("--report", arguments->page, "the page [contact-sheet.html]")
      ->type_name("FILE.html")
      ->group("Output");
  command.add_option("--png", arguments->image, "all of them as one picture, too")
      ->type_name("FILE.png")
      ->group("Output");
  add_count(command, "--seed", arguments->seed, "of everything that is drawn by chance [0]", 0)->group("Evaluation");
  add_count(command, "--threads", arguments->thread_count, "threads in all [every processor this process may use]");
  add_common_options(command, line);
  set_examples(command, {{"asterism evaluate eye vectors.npy --columns-file rows.csv --color kind,year",
                          "every projection twice, coloured by kind and by year"},
                         {"asterism evaluate eye notes/ --color topic --methods pca,umap", "of a collection"}});
  command.callback(
      [arguments, &line] { line.action = [arguments](Console& console) { return run_eye(*arguments, console); }; });
}

}  // namespace asterism::cli
