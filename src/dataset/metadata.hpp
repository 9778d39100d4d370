// What rows keep of a record beside its text and its id: a JSON object as text.
//
// Thread-safety: values and pure functions. Cost: nothing where nothing is asked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace asterism {

// Which columns of csv, tsv and jsonl records are kept. None unless asked for.
struct MetadataColumns {
  bool all = false;  // all but those of the text (or path) and the id, and those of a csv file without a name
  // These and no others: csv headings, or jsonl keys ("maker.country": of an object inside; its place is kept). A
  // record that lacks one goes without it; a csv header that does is an error.
  std::vector<std::string> names = {};

  bool empty() const noexcept { return !all && names.empty(); }
};

// A text that is exactly a JSON number (https://www.rfc-editor.org/rfc/rfc8259, section 6) and is kept whole as one: an
// integer of 64 bits, or a fraction that a double can hold. "007", "+1", "1e999" and longer integers are texts.
bool is_kept_number(std::string_view text) noexcept;

// Appends `"name":value` of a csv cell, with a comma before it where something precedes: numbers and true and false as
// such, other texts as strings; nothing for an empty cell.
void append_metadata_cell(std::string& object, std::string_view name, std::string_view cell);

}  // namespace asterism
