#include "dataset/csv_parser.hpp"

#include <algorithm>

namespace asterism {

void CsvParser::begin_record() {
  for (std::string& field : fields_) {
    field.clear();
  }
  field_count_ = 0;
  state_ = State::kFieldStart;
  pending_cr_ = false;
  blank_ = true;
  fault_ = CsvFault::kNone;
  record_line_ = line_;
  record_size_bytes_ = 0;
}

void CsvParser::append(std::string_view text) {
  blank_ = false;
  if (fault_ == CsvFault::kTooLong) {
    return;
  }
  if (field_count_ == fields_.size()) {
    fields_.emplace_back();
  }
  fields_[field_count_].append(text);
}

void CsvParser::end_field() {
  if (fault_ != CsvFault::kTooLong) {
    append({});
    ++field_count_;
  }
  state_ = State::kFieldStart;
}

void CsvParser::resolve_pending_cr() {
  if (pending_cr_) {
    pending_cr_ = false;
    if (state_ == State::kQuoteInQuoted && fault_ == CsvFault::kNone) {
      fault_ = CsvFault::kTextAfterQuote;
    }
    append("\r");
    state_ = State::kPlain;
  }
}

std::size_t CsvParser::take_quoted(std::string_view bytes) {
  const std::size_t quote = bytes.find('"');
  const std::string_view text = bytes.substr(0, quote);
  line_ += static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  append(text);
  if (quote == std::string_view::npos) {
    return text.size();
  }
  state_ = State::kQuoteInQuoted;
  return quote + 1;
}

std::size_t CsvParser::take_unquoted(std::string_view bytes, bool& ended) {
  const char c = bytes.front();
  if (c == '\n') {
    pending_cr_ = false;
    ++line_;
    if (!blank_) {
      end_field();
    }
    ended = true;
    return 1;
  }
  resolve_pending_cr();
  if (c == '\r') {
    pending_cr_ = true;
    return 1;
  }
  if (c == options_.delimiter) {
    end_field();
    return 1;
  }
  if (c == '"' && state_ == State::kFieldStart) {
    append({});
    quote_line_ = line_;
    state_ = State::kQuoted;
    return 1;
  }
  if (c == '"' && state_ == State::kQuoteInQuoted) {
    append("\"");
    state_ = State::kQuoted;
    return 1;
  }
  if (state_ == State::kQuoteInQuoted && fault_ == CsvFault::kNone) {
    fault_ = CsvFault::kTextAfterQuote;
  }
  state_ = State::kPlain;
  const auto is_special = [this](char x) { return x == '\n' || x == '\r' || x == options_.delimiter; };
  const auto end = std::ranges::find_if(bytes, is_special);
  const auto size = static_cast<std::size_t>(end - bytes.begin());
  append(bytes.substr(0, size));
  return size;
}

std::size_t CsvParser::take(std::string_view bytes, bool& ended) {
  const std::size_t size = state_ == State::kQuoted ? take_quoted(bytes) : take_unquoted(bytes, ended);
  record_size_bytes_ += size;
  if (record_size_bytes_ > options_.record_size_bytes_max && fault_ != CsvFault::kTooLong) {
    fault_ = CsvFault::kTooLong;
    field_count_ = 0;
    fields_.clear();
  }
  return size;
}

void CsvParser::finish_at_end_of_input() {
  resolve_pending_cr();
  if (state_ == State::kQuoted && fault_ != CsvFault::kTooLong) {
    fault_ = CsvFault::kUnterminatedQuote;
  }
  if (!blank_) {
    end_field();
  }
}

Result<bool> CsvParser::next() {
  begin_record();
  for (;;) {
    auto chunk = input_.peek();
    if (!chunk) {
      return std::unexpected(chunk.error());
    }
    if (chunk->empty()) {
      finish_at_end_of_input();
      return !blank_;
    }
    bool ended = false;
    std::size_t taken = 0;
    while (taken < chunk->size() && !ended) {
      taken += take(chunk->substr(taken), ended);
    }
    input_.consume(taken);
    if (ended && !blank_) {
      return true;
    }
    if (ended) {
      begin_record();
    }
  }
}

Result<void> CsvParser::seek(std::uint64_t byte_offset, std::uint64_t line) {
  line_ = line;
  return input_.seek(byte_offset);
}

}  // namespace asterism
