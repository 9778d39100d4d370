#include "dataset/record_cells.hpp"

#include <algorithm>
#include <filesystem>

namespace asterism {

RecordFiles record_files(const RecordOptions& options) {
  RecordFiles files;
  const RecordColumns& columns = options.columns;
  for (const std::string& column : columns.names) {
    files.is_file.push_back(std::ranges::find(columns.files, column) != columns.files.end());
  }
  const std::filesystem::path table = options.source == "-" ? "" : std::filesystem::path(options.source).parent_path();
  files.folder = (table / columns.file_folder).string();
  if (!files.folder.empty() && !files.folder.ends_with('/')) {
    files.folder += '/';
  }
  return files;
}

void finish_record(Row& row, const RecordFiles& files) {
  if (files.is_file.empty()) {
    return;
  }
  row.payload.kind = PayloadKind::kRecord;
  for (std::size_t i = 0; i < row.payload.cells.size(); ++i) {
    auto& cell = row.payload.cells[i];
    if (files.is_file[i] && cell && !cell->empty() && !cell->starts_with('/')) {
      cell->insert(0, files.folder);
    }
  }
}

}  // namespace asterism
