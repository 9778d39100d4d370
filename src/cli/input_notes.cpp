#include "cli/input_notes.hpp"

#include <fmt/format.h>

#include "cli/text_format.hpp"

namespace asterism::cli {

void tell_of_input(Console& console, std::uint64_t ignored_file_count, const IllFormedTexts& ill_formed_texts) {
  if (ignored_file_count > 0) {
    console.note(fmt::format("{} of other kinds ignored", counted(ignored_file_count, "file")));
  }
  if (ill_formed_texts.row_count > 0) {
    console.warning(fmt::format(
        "{} not UTF-8 (the first: {}): what is none counts as U+FFFD; of a file in Latin-1: iconv -f "
        "LATIN1 -t UTF-8 FILE > NEW",
        ill_formed_texts.row_count == 1 ? "1 text is" : counted(ill_formed_texts.row_count, "text") + " are",
        ill_formed_texts.first_place));
  }
}

}  // namespace asterism::cli
