/// \file
/// Messages to bytes and back. For JSON and protobuf include coerce/codec/json.hpp or
/// coerce/codec/protobuf.hpp besides.

#pragma once

#include <coerce/codec/bytes.hpp>
#include <coerce/codec/codec.hpp>
#include <coerce/codec/limits.hpp>
#include <coerce/codec/members.hpp>
#include <coerce/codec/type_table.hpp>
