#include <coerce/codec/bytes.hpp>
