// What is said of an input once it was read to its end.
#pragma once

#include <cstdint>

#include "cli/console.hpp"
#include "dataset/row_reader.hpp"

namespace asterism::cli {

// Files that are no images, and texts that are no UTF-8.
void tell_of_input(Console& console, std::uint64_t ignored_file_count, const IllFormedTexts& ill_formed_texts);

}  // namespace asterism::cli
