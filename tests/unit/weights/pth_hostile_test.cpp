// Pickles that call, and files that lie. Each case names the one thing that is wrong; the error must name the file and
// the fault.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "pickle_bytes.hpp"
#include "support.hpp"
#include "weights/pickle.hpp"
#include "weights/pth.hpp"

namespace asterism {
namespace {

using namespace std::string_literals;

namespace fs = std::filesystem;
using namespace pickled;

Result<PthFile> parse(const std::string& bytes) {
  // An exact-size copy, so that reading past the end is seen by sanitizers.
  auto owner = std::make_shared<std::vector<char>>(bytes.begin(), bytes.end());
  return parse_pth(std::as_bytes(std::span(*owner)), owner, "hostile.pth");
}

struct Lie {
  std::string what;
  std::string object;
  std::string said;  // must be in the message
  ErrorCode code = ErrorCode::kCorrupt;
};

void expect_refused(const std::vector<Lie>& lies) {
  for (const Lie& lie : lies) {
    const auto file = parse(stream(lie.object));
    ASSERT_FALSE(file) << lie.what;
    EXPECT_EQ(file.error().code, lie.code) << lie.what << ": " << file.error().message;
    EXPECT_TRUE(file.error().message.starts_with("hostile.pth: ")) << file.error().message;
    EXPECT_NE(file.error().message.find(lie.said), std::string::npos) << lie.what << ": " << file.error().message;
  }
}

TEST(PthHostile, hand_made_file_is_a_file) {
  const auto file = parse(stream(state_dict(tensor())));
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(file->tensors.at("w").shape(), (Shape{4}));
}

TEST(PthHostile, every_other_class_is_refused_and_named) {
  const ErrorCode refused = ErrorCode::kUnsupported;
  expect_refused({
      {"os.system", global("os", "system") + "("s + text("true") + "tR",
       "expected tensors, dicts and plain values, found the class os.system: refused, nothing was run", refused},
      {"named only", state_dict(global("posix", "system")), "found the class posix.system", refused},
      {"eval", global("builtins", "eval"), "found the class builtins.eval", refused},
      {"Python 2's eval", global("__builtin__", "eval"), "found the class __builtin__.eval", refused},
      {"a path inside a module", global("os", "path.join"), "found the class os.path.join", refused},
      {"a path inside an allowed name", global("collections", "OrderedDict.fromkeys"),
       "found the class collections.OrderedDict.fromkeys", refused},
      {"an allowed name in another module", global("evil", "OrderedDict"), "found the class evil.OrderedDict", refused},
      {"module with an allowed prefix", global("torch.os", "system"), "found the class torch.os.system", refused},
      {"torch.load", global("torch", "load"), "found the class torch.load", refused},
      {"torch.jit's unpickler", global("torch.jit._pickle", "build_intlist"), "torch.jit._pickle.build_intlist",
       refused},
      {"no name", global("", ""), "found the class .:", refused},
      {"name with control bytes", global("os\x1b[2J", "system"), "found the class os\\x1b[2J.system", refused},
      {"a very long name", global("os", std::string(100'000, 'x')), "xxx...", refused},
      {"by the stack", text("os") + text("system") + "\x93", "found the class os.system", refused},
      {"INST", "("s + text("true") + "ios\nsystem\n", "found the class os.system", refused},
      {"INST of an allowed class", "(icollections\nOrderedDict\n", "found INST of OrderedDict", refused},
      {"OBJ", "("s + global("collections", "OrderedDict") + "o", "found 0x6f at byte", refused},
      {"EXT1", "\x82\x01", "found 0x82 at byte", refused},
      {"text pickle", "S'x'\n", "found 0x53 at byte", refused},
      {"NEWOBJ_EX", global("argparse", "Namespace") + ")}\x92", "found 0x92 at byte", refused},
  });
}

TEST(PthHostile, allowed_classes_do_only_what_they_are_for) {
  expect_refused({
      {"object of an allowed class", global("collections", "OrderedDict") + ")\x81",
       "no object but an argparse.Namespace"},
      {"object of a value", text("x") + ")\x81", "no object but an argparse.Namespace"},
      {"call of a value", text("x") + ")R", "expected a known function and its arguments, found the text 'x'"},
      {"call with a list", global("collections", "OrderedDict") + "]R", "found a class or function and a list"},
      {"call of a storage class", global("torch", "FloatStorage") + ")R", "found a call of a tensor class",
       ErrorCode::kUnsupported},
      {"call of a tensor class", global("torch", "Tensor") + ")R", "found a call of a tensor class",
       ErrorCode::kUnsupported},
      {"attributes of a tensor", state_dict(tensor() + "}b"), "sets attributes of a tensor"},
      {"attributes of a class", global("collections", "OrderedDict") + "}b", "sets attributes of a class or function"},
      {"attributes of nothing", "}b", "sets attributes of nothing"},
      {"dict of no pairs", global("collections", "OrderedDict") + "(]"s + text("x") + "atR", "list of pairs"},
      {"dict of text", global("collections", "OrderedDict") + tuple({text("x")}) + "R", "list of pairs"},
      {"size of text", global("torch", "Size") + tuple({text("x")}) + "R", "expected a tuple for torch.Size"},
      {"parameter of text", global("torch._utils", "_rebuild_parameter") + tuple({text("x")}) + "R",
       "expected a tensor as a parameter's data, found the text 'x'"},
      {"rebuild of nothing", global("torch._utils", "_rebuild_tensor_v2") + ")R", "found nothing"},
      {"rebuild by another function",
       global("torch._tensor", "_rebuild_from_type_v2") +
           tuple({global("collections", "OrderedDict"), global("torch", "Tensor"), ")", "}"}) + "R",
       "a function that rebuilds a plain tensor"},
      {"rebuild by itself",
       global("torch._tensor", "_rebuild_from_type_v2") +
           tuple({global("torch._tensor", "_rebuild_from_type_v2"), global("torch", "Tensor"), ")", "}"}) + "R",
       "a function that rebuilds a plain tensor"},
  });
}

TEST(PthHostile, every_broken_pickle_is_refused) {
  expect_refused({
      {"nothing", "", "expected one value at the end of the pickle, found 0"},
      {"two values", "NN", "found 2"},
      {"open mark", "N(", "expected one value at the end"},
      {"append to a tuple", ")Na", "finds a tuple of 0 where it cannot be"},
      {"append to nothing", "Na", "finds no value to work on"},
      {"append across a mark", "](Na", "finds no value to work on"},
      {"appends without a mark", "]e", "finds no mark"},
      {"item of a list", "]NNs", "finds a list where it cannot be"},
      {"odd items", "}(NNNu", "expected a value for each key of a dict"},
      {"items of a set to a list", "](N\x90", "finds a list where it cannot be"},
      {"memo before it is there", "h\x07", "asks for value 7 before it is there"},
      {"remember nothing", "q\x01", "finds no value to work on"},
      {"tuple of too few", "N\x86", "finds no value to work on"},
      {"protocol 6", "\x80\x06N", "expected a pickle protocol up to 5, found 6", ErrorCode::kUnsupported},
      {"frame past the end", "\x95"s + little_endian(1'000'000, 8) + "N", "ends in the middle of a value"},
      {"text past the end", "X"s + little_endian(0xFFFFFFFF, 4) + "x", "ends in the middle of a value"},
      {"text of 2^64 bytes", "\x8D"s + little_endian(~std::uint64_t{0}, 8) + "x", "ends in the middle of a value"},
      {"class of values", "NN\x93", "expected the name of a class as two texts"},
  });
}

TEST(PthHostile, every_lie_about_storages_and_tensors_is_refused) {
  const std::int64_t huge = std::int64_t{1} << 62;
  expect_refused({
      {"no storage id", "NQ", "expected ('storage', class, key, device, count) for a storage, found None"},
      {"short storage id", tuple({text("storage")}) + "Q", "found a tuple of 1"},
      {"another id", tuple({text("module"), "N", "N", "N", "N"}) + "Q", "found the text 'module'"},
      {"class of another kind", storage({.type = global("collections", "OrderedDict")}), "as its class"},
      {"key of another kind", storage({.key = "N"}), "None as its key"},
      {"negative count", storage({.count = integer(-1)}), "-1 as its count"},
      {"a view of a storage",
       tuple({text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(4),
              tuple({text("v"), integer(0), integer(2)})}) +
           "Q",
       "found a view of one", ErrorCode::kUnsupported},
      {"count past the file", state_dict(tensor({.storage = storage({.count = integer(5)})})),
       "expected 5 values in storage '0', found 4"},
      {"wider type than the file", state_dict(tensor({.storage = storage({.type = global("torch", "LongStorage")})})),
       "expected 4 values of 8 bytes in storage '0', found 16 bytes before the end"},
      {"narrower type", state_dict(tensor({.storage = storage({.type = global("torch", "HalfStorage")})})),
       "found 8 bytes more"},
      {"storage that is not there",
       "}"s + text("v") + tensor() + "s"s + text("w") + tensor({.storage = storage({.key = text("1")})}) + "s",
       "expected the values of storage '1', found none"},
      {"two types of a storage",
       "}"s + text("v") + tensor() + "s"s + text("w") +
           tensor({.storage = storage({.type = global("torch", "IntStorage")})}) + "s",
       "expected one type and count of storage '0', found two"},
      {"offset past the end", state_dict(tensor({.offset = integer(1)})), "found offset 1, size [4] and strides [1]"},
      {"negative offset", state_dict(tensor({.offset = integer(-1)})), "an integer from 0 as a tensor's offset"},
      {"offset of text", state_dict(tensor({.offset = text("0")})), "found the text '0'"},
      {"size past the end", state_dict(tensor({.shape = integers({5})})), "inside the 4 values of storage '0'"},
      {"negative size", state_dict(tensor({.shape = integers({-1})})), "integers from 0 as a tensor's size, found -1"},
      {"negative stride", state_dict(tensor({.offset = integer(3), .strides = integers({-1})})),
       "integers from 0 as a tensor's stride, found -1"},
      {"stride past the end", state_dict(tensor({.strides = integers({2})})), "inside the 4 values"},
      {"stride that overflows", state_dict(tensor({.shape = integers({3}), .strides = integers({huge})})),
       "inside the 4 values"},
      {"strides that wrap to 0", state_dict(tensor({.shape = integers({3, 3}), .strides = integers({huge, huge})})),
       "inside the 4 values"},
      {"offset that overflows", state_dict(tensor({.offset = integer(std::numeric_limits<std::int64_t>::max())})),
       "inside the 4 values"},
      {"size that overflows", state_dict(tensor({.shape = integers({huge, 4}), .strides = integers({1, 0})})),
       "too many elements"},
      {"fewer strides than sizes", state_dict(tensor({.shape = integers({2, 2})})), "found 1 and 2"},
      {"a list as size", state_dict(tensor({.shape = "]"})), "tuple of at most 64 integers as a tensor's size"},
      {"65 dimensions",
       state_dict(tensor({.shape = integers(std::vector<std::int64_t>(65, 1)),
                          .strides = integers(std::vector<std::int64_t>(65, 1))})),
       "tuple of at most 64 integers"},
      {"storage as text", state_dict(tensor({.storage = text("0")})), "expected a storage as a tensor's first part"},
      {"expanded to 2^40 values",
       state_dict(tensor({.shape = integers({std::int64_t{1} << 40}), .strides = integers({0})})),
       "bytes of values beyond the file's own", ErrorCode::kLimitExceeded},
      {"tensor under a number", "}K\x01"s + tensor() + "s", "expected text as the name of each tensor, found 1"},
      {"tensor under broken UTF-8", "}"s + text("\xFF") + tensor() + "s", "expected text as the name of each tensor"},
      {"a name twice", "}"s + text("w") + tensor() + "s"s + text("w") + tensor() + "s", "tensor 'w' is there twice"},
      {"a name twice, once wrapped", "}"s + text("w") + tensor() + "s"s + text("module.w") + tensor() + "s",
       "tensor 'w' is there twice"},
  });
}

TEST(PthHostile, limits_hold_one_past) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '(') + std::string(depth, 't') + "0"; };
  const auto deep = parse(stream(nested(kPickleDepthMax + 1)));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, ErrorCode::kLimitExceeded);
  EXPECT_NE(deep.error().message.find("nested at most 1000 deep"), std::string::npos);
  // At the limit the marks pass; only the opcode behind them (POP) is refused.
  const auto allowed = parse(stream(nested(kPickleDepthMax)));
  ASSERT_FALSE(allowed);
  EXPECT_NE(allowed.error().message.find("found 0x30"), std::string::npos) << allowed.error().message;

  const auto many = parse(stream(std::string(kPickleValueCountMax + 1, 'N')));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, ErrorCode::kLimitExceeded);
  EXPECT_NE(many.error().message.find("at most 4000000 values"), std::string::npos);

  const auto long_pickle =
      parse(stream("X"s + little_endian(kPickleSizeBytesMax, 4) + std::string(kPickleSizeBytesMax, 'x')));
  ASSERT_FALSE(long_pickle);
  EXPECT_EQ(long_pickle.error().code, ErrorCode::kLimitExceeded);
  EXPECT_NE(long_pickle.error().message.find("expected a pickle of at most"), std::string::npos);
}

TEST(PthHostile, copies_asked_for_again_and_again_are_limited) {
  // A list of pairs, made an OrderedDict from until the limit.
  std::string object = "](";
  for (int i = 0; i < 100'000; ++i) {
    object += "NN\x86";
  }
  object += "e\x85q\x01";
  constexpr std::size_t kCallCount = kPickleCopyCountMax / 100'000 + 1;
  for (std::size_t i = 0; i < kCallCount; ++i) {
    object += global("collections", "OrderedDict") + "h\x01R";
  }
  const auto file = parse(stream(object));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kLimitExceeded) << file.error().message;
  EXPECT_NE(file.error().message.find("values copied by calls"), std::string::npos);
}

TEST(PthHostile, a_list_that_holds_itself_is_no_trouble) {
  const auto file = parse(stream("}"s + text("w") + tensor() + "s"s + text("loop") + "]q\x01h\x01\x61s"));
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(file->ignored, (std::vector<std::string>{"loop"}));
  const auto dict = parse(stream("}q\x01"s + text("w") + tensor() + "s" + text("state_dict") + "h\x01s"));
  ASSERT_TRUE(dict) << dict.error().to_string();
  EXPECT_EQ(dict->entry, "state_dict");
  EXPECT_EQ(dict->ignored, (std::vector<std::string>{"state_dict"}));
}

TEST(PthHostile, recorded_attacks_are_named_and_nothing_runs) {
  const struct {
    const char* file;
    const char* said;
  } cases[]{
      {"os_system", "found the class posix.system: refused, nothing was run"},
      {"builtins_eval", "builtin"},
      {"builtins_exec", "builtin"},
      {"getattr", "getattr"},
      {"popen", "commands.Popen"},
      {"torch_load", "torch.serialization.load"},
      {"import_module", "__import__"},
      {"whole_module", "torch.nn.modules.linear.Linear"},
      {"quantised", "found a quantised tensor"},
      {"complex", "found a tensor of complex numbers (torch.Complex"},
      {"sparse", "found a sparse tensor"},
      {"bare_tensor", "expected a dict of tensors by name, found a tensor"},
      {"list", "expected a dict of tensors by name, found a list"},
      {"no_tensors", "found the entries encoder, decoder"},
  };
  for (const auto& one : cases) {
    for (const char* form : {"zip", "stream"}) {
      const auto file = read_pth(golden_folder() / "pth/refused" / (std::string(one.file) + "_"s + form + ".pth"));
      ASSERT_FALSE(file) << one.file;
      EXPECT_EQ(file.error().code, ErrorCode::kUnsupported) << file.error().message;
      EXPECT_NE(file.error().message.find(one.said), std::string::npos) << file.error().message;
    }
  }
  EXPECT_FALSE(fs::exists("/tmp/asterism-pickle-was-run"));
}

TEST(PthHostile, other_files_with_this_ending_are_named) {
  const auto said = [](const std::string& name) {
    const auto file = read_pth(golden_folder() / "pth/refused" / name);
    return file ? std::string("read") : file.error().message;
  };
  EXPECT_NE(said("uint16_zip.pth").find("unsigned integers wider than 8 bits"), std::string::npos);
  EXPECT_NE(said("float8_zip.pth").find("8-bit floats"), std::string::npos);
  EXPECT_NE(said("torchscript_zip.pth").find("found a TorchScript program"), std::string::npos);
  EXPECT_NE(said("plain_pickle.pth").find("expected a checkpoint with torch's magic number, found a dict"),
            std::string::npos);
  EXPECT_NE(parse("version https://git-lfs.github.com/spec/v1\n").error().message.find("Git LFS pointer"),
            std::string::npos);
  EXPECT_NE(parse(std::string(257, 'x') + "ustar").error().message.find("found a tar archive"), std::string::npos);
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse("<!DOCTYPE html>"));
}

class PthDamaged : public testing::TestWithParam<const char*> {
 protected:
  const std::string bytes_ = slurp(golden_folder() / "pth" / GetParam());
};

TEST_P(PthDamaged, every_length_short_of_the_whole_is_an_error) {
  ASSERT_TRUE(parse(bytes_));
  for (std::size_t size = 0; size < bytes_.size(); ++size) {
    const auto file = parse(bytes_.substr(0, size));
    ASSERT_FALSE(file) << size;
    ASSERT_TRUE(file.error().message.starts_with("hostile.pth: ")) << file.error().message;
  }
}

TEST_P(PthDamaged, flipped_bits_never_read_outside) {
  for (std::size_t at = 0; at < bytes_.size(); ++at) {
    for (const unsigned mask : {0x01U, 0x80U, 0xFFU}) {
      std::string damaged = bytes_;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ mask);
      const auto file = parse(damaged);
      if (!file) {
        ASSERT_TRUE(file.error().message.starts_with("hostile.pth")) << file.error().message;
        continue;
      }
      for (const auto& [name, tensor] : file->tensors) {
        volatile std::size_t sum = 0;
        for (const std::byte byte : tensor.bytes()) {
          sum = sum + std::to_integer<std::size_t>(byte);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, PthDamaged,
                         testing::Values("averaged_zip.pth", "averaged_stream.pth", "strides_stream.pth",
                                         "deflated_zip.pth"),
                         [](const auto& form) {
                           const std::string name = form.param;
                           return name.substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace asterism
