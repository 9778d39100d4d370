#include "weights/pickle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <utility>

#include "weights/byte_cursor.hpp"
#include "weights/pickle_rules.hpp"
#include "weights/printable.hpp"

namespace asterism {
namespace {

std::size_t item_count(const PickleValue& value) noexcept {
  if (const auto* dict = std::get_if<PickleDict>(&value)) {
    return dict->items.size();
  }
  if (const auto* tuple = std::get_if<PickleTuple>(&value)) {
    return tuple->items.size();
  }
  const auto* tensor = std::get_if<PickleTensor>(&value);
  return tensor == nullptr ? 0 : tensor->shape.size() + tensor->strides.size();
}

// Steps return false once `error_` is set.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, std::string_view source)
      : cursor_(bytes.first(std::min(bytes.size(), kPickleSizeBytesMax))),
        limited_(bytes.size() > kPickleSizeBytesMax),
        source_(source) {}

  Result<PickleDocument> run();

 private:
  using Step = bool (PickleMachine::*)();
  struct Opcode {
    std::uint8_t code;
    Step step;
  };
  static const std::array<Step, 256>& steps();

  bool refuse(ErrorCode code, std::string_view what, std::string hint = {});
  bool corrupt(std::string_view what) { return refuse(ErrorCode::kCorrupt, what, "the file is damaged"); }
  bool cut_short();
  std::size_t position() const noexcept { return cursor_.position(); }
  bool push(PickleValue value);
  bool pop(PickleRef& out);
  bool pop_to_mark(std::vector<PickleRef>& out);
  template <typename T>
  T* top();
  bool remember(std::uint64_t index);
  bool recall(std::optional<std::uint64_t> index);
  bool add_items(std::span<const PickleRef> items);
  bool add_pairs(std::span<const PickleRef> items);
  bool push_global(std::string_view module, std::string_view name);
  template <typename T>
  bool text();
  template <typename T>
  bool bytes();
  template <typename T>
  bool integer();
  bool wide_integer(std::optional<std::uint64_t> size_bytes);
  bool tuple_of(std::size_t count);

  bool step_protocol();
  bool step_frame();
  bool step_none() { return push(PickleNone{}); }
  bool step_true() { return push(true); }
  bool step_false() { return push(false); }
  bool step_float();
  bool step_long1() { return wide_integer(cursor_.take_integer<std::uint8_t>()); }
  bool step_long4() { return wide_integer(cursor_.take_integer<std::uint32_t>()); }
  bool step_empty_list() { return push(PickleList{}); }
  bool step_empty_dict() { return push(PickleDict{}); }
  bool step_empty_tuple() { return push(PickleTuple{}); }
  bool step_empty_set() { return push(PickleOpaque{"a set"}); }
  bool step_mark();
  bool step_tuple();
  bool step_tuple1() { return tuple_of(1); }
  bool step_tuple2() { return tuple_of(2); }
  bool step_tuple3() { return tuple_of(3); }
  bool step_frozen_set();
  bool step_append();
  bool step_appends();
  bool step_set_item();
  bool step_set_items();
  bool step_add_items();
  bool step_put1();
  bool step_put4();
  bool step_memoize() { return remember(memo_.size()); }
  bool step_get1() { return recall(cursor_.take_integer<std::uint8_t>()); }
  bool step_get4() { return recall(cursor_.take_integer<std::uint32_t>()); }
  bool step_global();
  bool step_stack_global();
  bool step_inst();
  bool step_reduce();
  bool step_new_object();
  bool step_build();
  bool step_persistent_id();

  ByteCursor cursor_;
  bool limited_ = false;  // there are more bytes than a pickle may have
  std::string_view source_;
  PickleDocument document_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleRef> memo_;
  std::size_t copy_count_ = 0;
  std::optional<Error> error_;
};

// The opcodes of pickletools that torch writes in any protocol. The others build objects (INST, OBJ), come from Python
// 2 text pickles, or copy and drop stack entries, for which no checkpoint has use.
const std::array<PickleMachine::Step, 256>& PickleMachine::steps() {
  using M = PickleMachine;
  static constexpr std::array kOpcodes{
      Opcode{0x80, &M::step_protocol},
      Opcode{0x95, &M::step_frame},
      Opcode{'N', &M::step_none},
      Opcode{0x88, &M::step_true},
      Opcode{0x89, &M::step_false},
      Opcode{'J', &M::integer<std::int32_t>},
      Opcode{'K', &M::integer<std::uint8_t>},
      Opcode{'M', &M::integer<std::uint16_t>},
      Opcode{0x8A, &M::step_long1},
      Opcode{0x8B, &M::step_long4},
      Opcode{'G', &M::step_float},
      Opcode{'X', &M::text<std::uint32_t>},
      Opcode{0x8C, &M::text<std::uint8_t>},
      Opcode{0x8D, &M::text<std::uint64_t>},
      Opcode{'U', &M::text<std::uint8_t>},
      Opcode{'T', &M::text<std::uint32_t>},
      Opcode{'C', &M::bytes<std::uint8_t>},
      Opcode{'B', &M::bytes<std::uint32_t>},
      Opcode{0x8E, &M::bytes<std::uint64_t>},
      Opcode{']', &M::step_empty_list},
      Opcode{'}', &M::step_empty_dict},
      Opcode{')', &M::step_empty_tuple},
      Opcode{0x8F, &M::step_empty_set},
      Opcode{'(', &M::step_mark},
      Opcode{'t', &M::step_tuple},
      Opcode{0x85, &M::step_tuple1},
      Opcode{0x86, &M::step_tuple2},
      Opcode{0x87, &M::step_tuple3},
      Opcode{0x91, &M::step_frozen_set},
      Opcode{'a', &M::step_append},
      Opcode{'e', &M::step_appends},
      Opcode{'s', &M::step_set_item},
      Opcode{'u', &M::step_set_items},
      Opcode{0x90, &M::step_add_items},
      Opcode{'q', &M::step_put1},
      Opcode{'r', &M::step_put4},
      Opcode{0x94, &M::step_memoize},
      Opcode{'h', &M::step_get1},
      Opcode{'j', &M::step_get4},
      Opcode{'c', &M::step_global},
      Opcode{0x93, &M::step_stack_global},
      Opcode{'i', &M::step_inst},
      Opcode{'R', &M::step_reduce},
      Opcode{0x81, &M::step_new_object},
      Opcode{'b', &M::step_build},
      Opcode{'Q', &M::step_persistent_id},
  };
  static constexpr std::array<Step, 256> kSteps = [] {
    std::array<Step, 256> table{};
    for (const Opcode& row : kOpcodes) {
      table[row.code] = row.step;
    }
    return table;
  }();
  return kSteps;
}

Result<PickleDocument> PickleMachine::run() {
  constexpr std::uint8_t kStop = '.';
  for (;;) {
    const auto code = cursor_.take_integer<std::uint8_t>();
    if (!code) {
      cut_short();
      return std::unexpected(std::move(*error_));
    }
    if (*code == kStop) {
      break;
    }
    const Step step = steps()[*code];
    const bool done =
        step != nullptr ? (this->*step)()
                        : refuse(ErrorCode::kUnsupported,
                                 fmt::format("expected the opcodes that torch.save writes, found 0x{:02x} at byte {}: "
                                             "refused, nothing was run",
                                             *code, position() - 1),
                                 "the file is damaged, or no checkpoint of torch.save");
    if (!done) {
      return std::unexpected(std::move(*error_));
    }
  }
  if (stack_.size() != 1 || !marks_.empty()) {
    corrupt(fmt::format("expected one value at the end of the pickle, found {}", stack_.size()));
    return std::unexpected(std::move(*error_));
  }
  document_.root = stack_[0];
  document_.size_bytes = position();
  return std::move(document_);
}

bool PickleMachine::refuse(ErrorCode code, std::string_view what, std::string hint) {
  error_ = Error{code, fmt::format("{}: {}", source_, what), std::move(hint)};
  return false;
}

bool PickleMachine::cut_short() {
  if (limited_) {
    return refuse(ErrorCode::kLimitExceeded,
                  fmt::format("expected a pickle of at most {} bytes, found a longer one", kPickleSizeBytesMax));
  }
  return corrupt(fmt::format("the pickle ends in the middle of a value, at byte {}", position()));
}

bool PickleMachine::push(PickleValue value) {
  if (document_.values.size() >= kPickleValueCountMax) {
    return refuse(ErrorCode::kLimitExceeded,
                  fmt::format("expected at most {} values in the pickle, found more", kPickleValueCountMax));
  }
  document_.values.push_back(std::move(value));
  stack_.push_back(static_cast<PickleRef>(document_.values.size() - 1));
  return true;
}

// Never reaches below the last mark: what lies there belongs to the container around.
bool PickleMachine::pop(PickleRef& out) {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    return corrupt(fmt::format("an opcode before byte {} finds no value to work on", position()));
  }
  out = stack_.back();
  stack_.pop_back();
  return true;
}

bool PickleMachine::pop_to_mark(std::vector<PickleRef>& out) {
  if (marks_.empty()) {
    return corrupt(fmt::format("an opcode before byte {} finds no mark", position()));
  }
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  out.assign(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return true;
}

// The value on top, when it is of this kind; else null with the error set.
template <typename T>
T* PickleMachine::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    corrupt(fmt::format("an opcode before byte {} finds no value to work on", position()));
    return nullptr;
  }
  T* value = std::get_if<T>(&document_.values[stack_.back()]);
  if (value == nullptr) {
    corrupt(fmt::format("an opcode before byte {} finds {} where it cannot be", position(),
                        describe(document_.values[stack_.back()])));
  }
  return value;
}

bool PickleMachine::step_protocol() {
  constexpr std::uint8_t kProtocolMax = 5;
  const auto version = cursor_.take_integer<std::uint8_t>();
  if (!version) {
    return cut_short();
  }
  return *version <= kProtocolMax ||
         refuse(ErrorCode::kUnsupported,
                fmt::format("expected a pickle protocol up to {}, found {}", kProtocolMax, *version));
}

bool PickleMachine::step_frame() {
  const auto size = cursor_.take_integer<std::uint64_t>();
  return (size && *size <= cursor_.remaining()) || cut_short();
}

bool PickleMachine::step_float() {
  return cursor_.take(sizeof(double)) ? push(PickleOpaque{"a number with a fraction"}) : cut_short();
}

template <typename T>
bool PickleMachine::integer() {
  const auto value = cursor_.take_integer<T>();
  return value ? push(static_cast<std::int64_t>(*value)) : cut_short();
}

bool PickleMachine::wide_integer(std::optional<std::uint64_t> size_bytes) {
  const auto bytes = size_bytes ? cursor_.take_text(*size_bytes) : std::nullopt;
  if (!bytes) {
    return cut_short();
  }
  if (bytes->size() > sizeof(std::int64_t)) {
    return push(PickleLong{*bytes});
  }
  // Two's complement of as few bytes as it needs.
  const bool negative = !bytes->empty() && (static_cast<std::uint8_t>(bytes->back()) & 0x80U) != 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = bytes->size(); i-- > 0;) {
    value = (value << 8U) | static_cast<std::uint8_t>((*bytes)[i]);
  }
  return push(static_cast<std::int64_t>(value));
}

template <typename T>
bool PickleMachine::text() {
  const auto size = cursor_.take_integer<T>();
  const auto text = size ? cursor_.take_text(*size) : std::nullopt;
  return text ? push(PickleText{*text}) : cut_short();
}

template <typename T>
bool PickleMachine::bytes() {
  const auto size = cursor_.take_integer<T>();
  return size && cursor_.take(*size) ? push(PickleOpaque{"bytes"}) : cut_short();
}

bool PickleMachine::step_mark() {
  if (marks_.size() >= kPickleDepthMax) {
    return refuse(ErrorCode::kLimitExceeded,
                  fmt::format("expected values nested at most {} deep, found deeper", kPickleDepthMax));
  }
  marks_.push_back(stack_.size());
  return true;
}

bool PickleMachine::step_tuple() {
  PickleTuple tuple;
  return pop_to_mark(tuple.items) && push(std::move(tuple));
}

bool PickleMachine::tuple_of(std::size_t count) {
  PickleTuple tuple{std::vector<PickleRef>(count)};
  for (std::size_t i = count; i-- > 0;) {
    if (!pop(tuple.items[i])) {
      return false;
    }
  }
  return push(std::move(tuple));
}

bool PickleMachine::step_frozen_set() {
  std::vector<PickleRef> items;
  return pop_to_mark(items) && push(PickleOpaque{"a set"});
}

bool PickleMachine::add_items(std::span<const PickleRef> items) {
  auto* list = top<PickleList>();
  if (list == nullptr) {
    return false;
  }
  list->items.insert(list->items.end(), items.begin(), items.end());
  return true;
}

bool PickleMachine::step_append() {
  PickleRef item = 0;
  return pop(item) && add_items(std::span(&item, 1));
}

bool PickleMachine::step_appends() {
  std::vector<PickleRef> items;
  return pop_to_mark(items) && add_items(items);
}

bool PickleMachine::add_pairs(std::span<const PickleRef> items) {
  auto* dict = top<PickleDict>();
  if (dict == nullptr) {
    return false;
  }
  if (items.size() % 2 != 0) {
    return corrupt("expected a value for each key of a dict, found one too few");
  }
  for (std::size_t i = 0; i < items.size(); i += 2) {
    dict->items.emplace_back(items[i], items[i + 1]);
  }
  return true;
}

bool PickleMachine::step_set_item() {
  std::array<PickleRef, 2> pair{};
  return pop(pair[1]) && pop(pair[0]) && add_pairs(pair);
}

bool PickleMachine::step_set_items() {
  std::vector<PickleRef> items;
  return pop_to_mark(items) && add_pairs(items);
}

bool PickleMachine::step_add_items() {
  std::vector<PickleRef> items;
  return pop_to_mark(items) && top<PickleOpaque>() != nullptr;
}

bool PickleMachine::remember(std::uint64_t index) {
  PickleRef value = 0;
  if (!pop(value)) {
    return false;
  }
  stack_.push_back(value);
  memo_.insert_or_assign(index, value);
  return memo_.size() <= kPickleValueCountMax ||
         refuse(ErrorCode::kLimitExceeded,
                fmt::format("expected at most {} remembered values in the pickle, found more", kPickleValueCountMax));
}

bool PickleMachine::step_put1() {
  const auto index = cursor_.take_integer<std::uint8_t>();
  return index ? remember(*index) : cut_short();
}

bool PickleMachine::step_put4() {
  const auto index = cursor_.take_integer<std::uint32_t>();
  return index ? remember(*index) : cut_short();
}

bool PickleMachine::recall(std::optional<std::uint64_t> index) {
  if (!index) {
    return cut_short();
  }
  const auto found = memo_.find(*index);
  if (found == memo_.end()) {
    return corrupt(fmt::format("the pickle asks for value {} before it is there", *index));
  }
  stack_.push_back(found->second);
  return true;
}

bool PickleMachine::push_global(std::string_view module, std::string_view name) {
  auto global = find_pickle_global(module, name, source_);
  if (!global) {
    error_ = std::move(global.error());
    return false;
  }
  return push(*global);
}

bool PickleMachine::step_global() {
  const auto module = cursor_.take_line();
  const auto name = module ? cursor_.take_line() : std::nullopt;
  return name ? push_global(*module, *name) : cut_short();
}

bool PickleMachine::step_stack_global() {
  PickleRef name = 0;
  PickleRef module = 0;
  if (!pop(name) || !pop(module)) {
    return false;
  }
  const auto* name_text = document_.as<PickleText>(name);
  const auto* module_text = document_.as<PickleText>(module);
  if (name_text == nullptr || module_text == nullptr) {
    return corrupt("expected the name of a class as two texts, found other values");
  }
  return push_global(module_text->text, name_text->text);
}

// Always an object of a class: even those that may be named are never made this way.
bool PickleMachine::step_inst() {
  const auto module = cursor_.take_line();
  const auto name = module ? cursor_.take_line() : std::nullopt;
  if (!name) {
    return cut_short();
  }
  return push_global(*module, *name) &&
         refuse(ErrorCode::kUnsupported,
                fmt::format("expected the opcodes that torch.save writes, found INST of {}: refused, nothing was run",
                            printable(*name)));
}

bool PickleMachine::step_reduce() {
  PickleRef arguments = 0;
  PickleRef callable = 0;
  if (!pop(arguments) || !pop(callable)) {
    return false;
  }
  const auto* tuple = document_.as<PickleTuple>(arguments);
  const auto* global = document_.as<PickleGlobal>(callable);
  if (tuple == nullptr || global == nullptr) {
    return corrupt(fmt::format("expected a known function and its arguments, found {} and {}",
                               describe(document_.values[callable]), describe(document_.values[arguments])));
  }
  auto value = apply_pickle_rule(*global, tuple->items, document_, source_);
  if (!value) {
    error_ = std::move(value.error());
    return false;
  }
  copy_count_ += item_count(*value);
  if (copy_count_ > kPickleCopyCountMax) {
    return refuse(ErrorCode::kLimitExceeded,
                  fmt::format("expected at most {} values copied by calls, found more", kPickleCopyCountMax));
  }
  return push(std::move(*value));
}

// Class and arguments: only settings are kept as objects in a checkpoint, and they are not looked into.
bool PickleMachine::step_new_object() {
  PickleRef arguments = 0;
  PickleRef type = 0;
  if (!pop(arguments) || !pop(type)) {
    return false;
  }
  const auto* global = document_.as<PickleGlobal>(type);
  if (global == nullptr || global->rule != PickleRule::kNamespace) {
    return corrupt(
        fmt::format("expected no object but an argparse.Namespace, found one of {}", describe(document_.values[type])));
  }
  return push(PickleOpaque{"an argparse.Namespace"});
}

// Attributes of an OrderedDict (the versions of the modules), of settings and of numpy types: nothing here needs them.
bool PickleMachine::step_build() {
  PickleRef state = 0;
  if (!pop(state)) {
    return false;
  }
  if (stack_.empty() ||
      (document_.as<PickleDict>(stack_.back()) == nullptr && document_.as<PickleOpaque>(stack_.back()) == nullptr)) {
    return corrupt(fmt::format("the pickle sets attributes of {}, which has none",
                               stack_.empty() ? "nothing" : describe(document_.values[stack_.back()])));
  }
  return true;
}

bool PickleMachine::step_persistent_id() {
  PickleRef id = 0;
  if (!pop(id)) {
    return false;
  }
  auto storage = read_storage_id(id, document_, source_);
  if (!storage) {
    error_ = std::move(storage.error());
    return false;
  }
  return push(*storage);
}

}  // namespace

Result<PickleDocument> read_pickle(std::span<const std::byte> bytes, std::string_view source) {
  return PickleMachine(bytes, source).run();
}

}  // namespace asterism
