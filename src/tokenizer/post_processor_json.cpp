#include <limits>
#include <utility>

#include "tokenizer/tokenizer_json.hpp"

namespace asterism::tok {
namespace {

constexpr std::string_view kSupported = "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or Sequence";

Result<TokenId> read_id(const JsonView& value) {
  const auto id = value.as_integer(0, kTokenIdEnd - 1);
  if (!id) {
    return std::unexpected(id.error());
  }
  return static_cast<TokenId>(*id);
}

// ["[SEP]", 102]
Result<TokenId> read_pair(const JsonView& section, std::string_view key) {
  const auto value = section.get(key);
  const auto items = section.get_array(key);
  if (!items) {
    return std::unexpected(items.error());
  }
  if (items->size() != 2 || !(*items)[0].is_string()) {
    return value->wrong("a token's text and id");
  }
  return read_id((*items)[1]);
}

Result<SpecialFrame> read_cls_sep(const JsonView& section) {
  const auto cls = read_pair(section, "cls");
  const auto sep = read_pair(section, "sep");
  if (!cls || !sep) {
    return std::unexpected(cls ? sep.error() : cls.error());
  }
  return SpecialFrame{{*cls}, {*sep}};
}

Result<std::vector<TokenId>> read_special_token(const JsonView& special_tokens, const JsonView& piece) {
  const auto name = piece.get_string("id");
  if (!name) {
    return std::unexpected(name.error());
  }
  const auto token = special_tokens.find(*name);
  if (!token) {
    return std::unexpected(token.error());
  }
  if (!*token) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"{}\" is missing, but {} names it", special_tokens.place(), *name, piece.path()));
  }
  const auto ids = (*token)->get_array("ids");
  if (!ids) {
    return std::unexpected(ids.error());
  }
  std::vector<TokenId> out;
  for (const JsonView& value : *ids) {
    const auto id = read_id(value);
    if (!id) {
      return std::unexpected(id.error());
    }
    out.push_back(*id);
  }
  return out;
}

Result<SpecialFrame> read_template(const JsonView& section) {
  const auto single = section.get("single");
  const auto pieces = section.get_array("single");
  const auto special_tokens = section.get("special_tokens");
  if (!pieces || !special_tokens) {
    return std::unexpected(pieces ? special_tokens.error() : pieces.error());
  }
  SpecialFrame frame;
  bool text_seen = false;
  for (const JsonView& piece : *pieces) {
    const auto sequence = piece.find("Sequence");
    const auto special = piece.find("SpecialToken");
    if (!sequence || !special) {
      return std::unexpected(sequence ? special.error() : sequence.error());
    }
    if (sequence->has_value()) {
      const auto id = (*sequence)->get_string("id");
      if (!id) {
        return std::unexpected(id.error());
      }
      if (*id != "A" || text_seen) {
        return single->unsupported("the sequence \"A\" exactly once");
      }
      text_seen = true;
      continue;
    }
    if (!special->has_value()) {
      return piece.wrong("\"Sequence\" or \"SpecialToken\"");
    }
    auto ids = read_special_token(*special_tokens, **special);
    if (!ids) {
      return std::unexpected(ids.error());
    }
    std::vector<TokenId>& side = text_seen ? frame.after : frame.before;
    side.insert(side.end(), ids->begin(), ids->end());
  }
  if (!text_seen) {
    return single->unsupported("the sequence \"A\" exactly once");
  }
  return frame;
}

Result<PostProcessor> with_frame(Result<SpecialFrame> frame) {
  if (!frame) {
    return std::unexpected(frame.error());
  }
  return PostProcessor{std::move(*frame), {}};
}

// "trim_offsets" and "add_prefix_space"; nothing where offsets are left alone.
Result<std::optional<OffsetTrim>> read_trim(const JsonView& section) {
  const auto trims = section.get_bool("trim_offsets");
  const auto add_prefix_space = section.get_bool("add_prefix_space");
  if (!trims || !add_prefix_space) {
    return std::unexpected(trims ? add_prefix_space.error() : trims.error());
  }
  return *trims ? std::optional(OffsetTrim{*add_prefix_space}) : std::nullopt;
}

Result<PostProcessor> read_roberta(const JsonView& section) {
  if (auto only = section.expect_only({"type", "sep", "cls", "trim_offsets", "add_prefix_space"}); !only) {
    return std::unexpected(only.error());
  }
  auto result = with_frame(read_cls_sep(section));
  const auto trim = read_trim(section);
  if (!result || !trim) {
    return std::unexpected(result ? trim.error() : result.error());
  }
  result->trim = *trim;
  return result;
}

Result<PostProcessor> read_byte_level(const JsonView& section) {
  if (auto only = section.expect_only({"type", "add_prefix_space", "trim_offsets", "use_regex"}); !only) {
    return std::unexpected(only.error());
  }
  const auto trim = read_trim(section);
  if (!trim) {
    return std::unexpected(trim.error());
  }
  return PostProcessor{{}, *trim};
}

Result<PostProcessor> read_one(const JsonView& section, const JsonView& type, std::string_view name) {
  if (name == "TemplateProcessing") {
    const auto only = section.expect_only({"type", "single", "pair", "special_tokens"});
    return only ? with_frame(read_template(section)) : std::unexpected(only.error());
  }
  if (name == "BertProcessing") {
    const auto only = section.expect_only({"type", "sep", "cls"});
    return only ? with_frame(read_cls_sep(section)) : std::unexpected(only.error());
  }
  if (name == "RobertaProcessing") {
    return read_roberta(section);
  }
  if (name == "ByteLevel") {
    return read_byte_level(section);
  }
  return type.unsupported(kSupported);
}

// Trimming counts tokens from the first: it must come before special tokens, and once.
Result<PostProcessor> read_sequence(const JsonView& section) {
  const auto processors = section.get("processors");
  const auto children = section.get_array("processors");
  const auto only = section.expect_only({"type", "processors"});
  if (!children || !only) {
    return std::unexpected(children ? only.error() : children.error());
  }
  PostProcessor joined;
  bool has_frame = false;
  for (const JsonView& child : *children) {
    const auto type = child.get("type");
    const auto name = child.get_string("type");
    if (!name) {
      return std::unexpected(name.error());
    }
    auto one = read_one(child, *type, *name);
    if (!one) {
      return one;
    }
    const bool makes_frame = *name != "ByteLevel";
    if ((one->trim && (joined.trim || has_frame)) || (makes_frame && has_frame)) {
      return processors->unsupported("at most one that trims offsets, then at most one that adds special tokens");
    }
    has_frame = has_frame || makes_frame;
    joined.frame = makes_frame ? std::move(one->frame) : std::move(joined.frame);
    joined.trim = one->trim ? one->trim : joined.trim;
  }
  return joined;
}

}  // namespace

Result<PostProcessor> read_post_processor(const JsonView& section) {
  const auto type = section.get("type");
  const auto name = section.get_string("type");
  if (!name) {
    return std::unexpected(name.error());
  }
  return *name == "Sequence" ? read_sequence(section) : read_one(section, *type, *name);
}

}  // namespace asterism::tok
