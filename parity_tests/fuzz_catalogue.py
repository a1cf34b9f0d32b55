"""What the fuzzer draws from: calls of the whole catalogue as typed templates, constants by type, and columns.

A template says its result and its arguments: `int: length({string})`. In braces stands what is drawn in that place:

- a kind: `{string}`, `{array<int>}`; `{decimal}` is a decimal of any size, `{small}` an int between -3 and 6;
- a variable, which stands for the same kind in the whole template: `T` any, `O` one with an order, `K` a map's key,
  `N` a number, `S` a kind that no arithmetic is exact for left out (what sums do not depend on the order of);
- `{$pool}`: one of `POOLS`, a constant that the call needs to be one;
- `{T -> U}`: a lambda function; `{T, int -> U}` one of two arguments.
"""

# ruff: noqa: E501, RUF001
from __future__ import annotations

# fmt: off
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")
TIMES = ("date", "timestamp", "timestamp_ntz")
INTERVALS = ("dt_interval", "ym_interval")
SCALARS = ("boolean", *NUMBERS, "string", "binary", *TIMES, *INTERVALS)
VARIABLES: dict[str, tuple[str, ...]] = {
    "T": (*SCALARS, "string", "int", "array<int>", "array<string>", "map<string,int>", "struct"),
    "U": (*SCALARS, "array<int>"),
    "O": (*SCALARS, "array<int>", "struct"),
    "K": ("int", "string", "bigint", "date", "double", "decimal"),
    "N": NUMBERS,
    "I": ("tinyint", "smallint", "int", "bigint"),
    "S": ("tinyint", "smallint", "int", "bigint", "quarter", "decimal", "dt_interval", "ym_interval"),
}

# Expression families: templates by result.
SCALAR_FAMILIES: dict[str, str] = {
    "operators": """
        N: ({N} + {N}) ; ({N} - {N}) ; ({N} * {N}) ; ({N} % {N}) ; (- {N}) ; (+ {N}) ; mod({N}, {N}) ; negative({N}) ; positive({N})
        double: ({int} / {int}) ; ({double} / {double}) ; ({bigint} / {double})
        decimal: ({decimal} / {decimal}) ; ({decimal} * {decimal}) ; ({int} + {decimal}) ; ({decimal} % {int}) ; ({decimal} / {int})
        bigint: ({I} div {I}) ; ({decimal} div {decimal}) ; ({dt_interval} div {dt_interval})
        I: ({I} & {I}) ; ({I} | {I}) ; ({I} ^ {I}) ; (~ {I})
        boolean: ({O} = {O}) ; ({O} == {O}) ; ({O} <> {O}) ; ({O} != {O}) ; ({O} < {O}) ; ({O} <= {O}) ; ({O} > {O}) ; ({O} >= {O}) ; ({O} <=> {O})
        boolean: ({N} = {N}) ; ({int} < {double}) ; ({decimal} <= {bigint}) ; ({double} = {float}) ; ({string} = {int}) ; ({date} < {timestamp}) ; ({string} < {date}) ; ({timestamp_ntz} = {timestamp})
        boolean: ({boolean} and {boolean}) ; ({boolean} or {boolean}) ; (not {boolean}) ; ! ({boolean}) ; ({T} is null) ; ({T} is not null) ; isnull({T}) ; isnotnull({T}) ; ({boolean} is true) ; ({boolean} is not false) ; ({O} is distinct from {O})
        boolean: ({O} between {O} and {O}) ; ({O} not between {O} and {O}) ; ({O} in ({O}, {O})) ; ({O} not in ({O}, {O}, {O})) ; ({N} in ({int}, {decimal})) ; between({O}, {O}, {O})
        T: {array<T>}[{small}] ; {map<K,T>}[{K}] ; coalesce({T}, {T})
        date: ({date} + {small}) ; ({date} - {small}) ; ({date} + {ym_interval}) ; ({date} - {ym_interval})
        timestamp: ({timestamp} + {dt_interval}) ; ({timestamp} - {dt_interval}) ; ({timestamp} + {ym_interval}) ; ({date} + {dt_interval})
        timestamp_ntz: ({timestamp_ntz} + {dt_interval}) ; ({timestamp_ntz} - {ym_interval})
        dt_interval: ({date} - {date}) ; ({timestamp} - {timestamp}) ; ({timestamp_ntz} - {timestamp_ntz}) ; ({dt_interval} + {dt_interval}) ; ({dt_interval} - {dt_interval}) ; ({dt_interval} * {small}) ; ({dt_interval} * {quarter}) ; ({dt_interval} / {small}) ; (- {dt_interval}) ; ({dt_interval} / {double})
        ym_interval: ({ym_interval} + {ym_interval}) ; ({ym_interval} - {ym_interval}) ; ({ym_interval} * {small}) ; ({ym_interval} / {small}) ; (- {ym_interval}) ; ({ym_interval} * {double})
        string: ({string} || {string}) ; ({string} || {T}) ; {struct}.s
        int: {struct}.i
    """,
    "casts": """
        tinyint: cast({N} as tinyint) ; try_cast({N} as tinyint) ; cast({string} as tinyint) ; try_cast({string} as tinyint) ; tinyint({int})
        smallint: cast({N} as smallint) ; try_cast({N} as smallint) ; try_cast({string} as smallint) ; smallint({int})
        int: cast({N} as int) ; try_cast({N} as int) ; try_cast({string} as int) ; cast({boolean} as int) ; int({double}) ; int({string}) ; cast({ym_interval} as int)
        bigint: cast({N} as bigint) ; try_cast({N} as bigint) ; try_cast({string} as bigint) ; cast({timestamp} as bigint) ; bigint({decimal}) ; try_cast({binary} as bigint)
        float: cast({N} as float) ; try_cast({string} as float) ; float({double})
        double: cast({N} as double) ; try_cast({string} as double) ; cast({timestamp} as double) ; double({decimal}) ; cast({boolean} as double)
        decimal: cast({N} as decimal(10,2)) ; try_cast({N} as decimal(10,2)) ; try_cast({N} as decimal(38,18)) ; try_cast({N} as decimal(3,3)) ; try_cast({string} as decimal(20,5)) ; decimal({int}) ; cast({boolean} as decimal(3,1)) ; try_cast({double} as decimal(38,10)) ; try_cast({float} as decimal(20,10)) ; try_cast({timestamp} as decimal(20,6))
        string: cast({T} as string) ; string({T}) ; cast({N} as string) ; cast({double} as string) ; cast({float} as string) ; cast({timestamp} as string) ; cast({map<string,int>} as string) ; cast({array<T>} as string)
        binary: cast({string} as binary) ; binary({string}) ; try_cast({I} as binary)
        boolean: cast({N} as boolean) ; try_cast({string} as boolean) ; boolean({int})
        date: try_cast({string} as date) ; cast({timestamp} as date) ; cast({timestamp_ntz} as date) ; date({timestamp}) ; cast({string} as date)
        timestamp: try_cast({string} as timestamp) ; cast({date} as timestamp) ; cast({timestamp_ntz} as timestamp) ; cast({bigint} as timestamp) ; try_cast({double} as timestamp) ; timestamp({date}) ; cast({quarter} as timestamp) ; cast({boolean} as timestamp) ; try_cast({decimal} as timestamp)
        timestamp_ntz: try_cast({string} as timestamp_ntz) ; cast({date} as timestamp_ntz) ; cast({timestamp} as timestamp_ntz)
        dt_interval: try_cast({string} as interval day to second) ; cast({small} as interval day) ; cast({dt_interval} as interval hour to minute)
        ym_interval: try_cast({string} as interval year to month) ; cast({small} as interval month) ; cast({ym_interval} as interval year)
        array<int>: try_cast({array<string>} as array<int>) ; cast({array<bigint>} as array<int>)
        array<string>: cast({array<T>} as array<string>)
    """,
    "all_casts": """
        string: cast(cast({T} as {$type}) as string) ; cast(try_cast({T} as {$type}) as string) ; cast(try_cast({$odd} as {$type}) as string) ; cast(cast({$odd} as {$type}) as string) ; cast(cast({array<T>} as array<string>) as string)
        double: try_cast({$odd} as double) ; cast({$odd} as double) ; ({$odd} + {double})
        decimal: try_cast({$odd} as decimal(20,5)) ; try_cast({$odd} as decimal(3,0))
        bigint: try_cast({$odd} as bigint) ; try_cast({$odd} as int)
        boolean: try_cast({$odd} as boolean) ; ({$odd} = {int}) ; ({$odd} > {double}) ; ({$odd} = {date}) ; ({$odd} < {timestamp})
        date: try_cast({$odd} as date) ; try_to_date({$odd}) ; try_to_date({$odd}, {$parse_pattern})
        timestamp: try_cast({$odd} as timestamp) ; try_to_timestamp({$odd}) ; try_to_timestamp({$odd}, {$parse_pattern})
        timestamp_ntz: try_cast({$odd} as timestamp_ntz)
        dt_interval: try_cast({$odd} as interval day to second) ; try_cast({$odd} as interval hour to minute)
        ym_interval: try_cast({$odd} as interval year to month) ; try_cast({$odd} as interval month)
    """,
    "conditional": """
        T: if({boolean}, {T}, {T}) ; case when {boolean} then {T} end ; case when {boolean} then {T} when {boolean} then {T} else {T} end ; case {O} when {O} then {T} else {T} end ; nvl({T}, {T}) ; ifnull({T}, {T}) ; nvl2({U}, {T}, {T}) ; coalesce({T}, {T}, {T})
        O: greatest({O}, {O}) ; least({O}, {O}, {O}) ; nullif({O}, {O}) ; greatest({O}, {O}, {O})
        N: nullifzero({N}) ; zeroifnull({N})
        double: greatest({int}, {double}) ; coalesce({int}, {double}) ; if({boolean}, {float}, {bigint}) ; nanvl({double}, {double}) ; nanvl({float}, {double})
        decimal: coalesce({int}, {decimal}) ; least({bigint}, {decimal})
    """,
    "maths": """
        N: abs({N}) ; pmod({N}, {N}) ; round({N}) ; round({N}, {$digits}) ; bround({N}, {$digits}) ; try_mod({N}, {N}) ; try_add({N}, {N}) ; try_subtract({N}, {N}) ; try_multiply({N}, {N})
        decimal: try_divide({decimal}, {decimal}) ; ceil({decimal}) ; floor({decimal}) ; ceil({decimal}, {$digits}) ; floor({decimal}, {$digits}) ; round({decimal}, {$digits}) ; ceil({double}, {$digits}) ; floor({int}, {$digits})
        bigint: ceil({double}) ; ceiling({double}) ; floor({double}) ; floor({float}) ; factorial({small}) ; ceil({int})
        double: sqrt({double}) ; cbrt({double}) ; exp({quarter}) ; expm1({quarter}) ; ln({double}) ; log({double}) ; log({quarter}, {double}) ; log10({double}) ; log1p({double}) ; log2({double}) ; pow({quarter}, {quarter}) ; power({double}, {small}) ; rint({double}) ; sign({double}) ; signum({decimal}) ; degrees({quarter}) ; radians({double}) ; hypot({quarter}, {quarter}) ; try_divide({double}, {double}) ; try_divide({int}, {int}) ; width_bucket({quarter}, {quarter}, {quarter}, {small})
        double: sin({quarter}) ; cos({quarter}) ; tan({quarter}) ; cot({quarter}) ; sec({quarter}) ; csc({quarter}) ; asin({quarter}) ; acos({quarter}) ; atan({double}) ; atan2({quarter}, {quarter}) ; sinh({quarter}) ; cosh({quarter}) ; tanh({double}) ; asinh({quarter}) ; acosh({quarter}) ; atanh({quarter}) ; e() ; pi()
        int: bit_count({I}) ; bit_get({bigint}, {small}) ; getbit({int}, {small}) ; shiftleft({int}, {int}) ; shiftright({int}, {int}) ; shiftrightunsigned({int}, {int}) ; ({int} << {small}) ; ({int} >> {small}) ; ({int} >>> {small})
        bigint: shiftleft({bigint}, {int}) ; shiftrightunsigned({bigint}, {small}) ; bitmap_bit_position({bigint}) ; bitmap_bucket_number({bigint}) ; bitmap_count({binary})
        boolean: isnan({double}) ; isnan({float}) ; equal_null({O}, {O})
        string: bin({bigint}) ; hex({bigint}) ; hex({string}) ; hex({binary}) ; conv({string}, {$base}, {$base}) ; conv({bigint}, 10, {$base}) ; format_number({double}, {$digits0}) ; format_number({decimal}, {$digits0}) ; format_number({bigint}, 2) ; format_string('%d %s', {int}, {string}) ; printf('%05d|%-5s|%x', {int}, {string}, {bigint}) ; format_string('%.2f', {quarter})
    """,
    "strings": """
        string: upper({string}) ; lower({string}) ; ucase({string}) ; lcase({string}) ; initcap({string}) ; trim({string}) ; ltrim({string}) ; rtrim({string}) ; btrim({string}) ; btrim({string}, {string}) ; trim(both {string} from {string}) ; trim(leading {string} from {string}) ; trim(trailing {string} from {string}) ; reverse({string}) ; repeat({string}, {small}) ; space({small}) ; left({string}, {small}) ; right({string}, {small}) ; lpad({string}, {small}, {string}) ; rpad({string}, {small}) ; rpad({string}, {small}, {string}) ; lpad({string}, {small})
        string: substring({string}, {small}) ; substring({string}, {small}, {small}) ; substr({string}, {small}, {small}) ; substring_index({string}, {string}, {small}) ; replace({string}, {string}) ; replace({string}, {string}, {string}) ; translate({string}, {string}, {string}) ; overlay({string} placing {string} from {small}) ; overlay({string}, {string}, {small}, {small}) ; concat({string}, {string}, {string}) ; concat_ws({string}, {string}, {string}) ; concat_ws(',', {array<string>}, {string}) ; split_part({string}, {string}, {small}) ; elt({small}, {string}, {string}) ; soundex({string}) ; mask({string}) ; mask({string}, 'X', 'x', 'n', 'o') ; chr({int}) ; char({small}) ; quote({string}) ; array_join({array<string>}, {string}) ; array_join({array<string>}, ',', {string})
        int: length({string}) ; length({binary}) ; char_length({string}) ; len({string}) ; character_length({string}) ; octet_length({string}) ; bit_length({string}) ; octet_length({binary}) ; ascii({string}) ; instr({string}, {string}) ; locate({string}, {string}) ; locate({string}, {string}, {small}) ; position({string} in {string}) ; position({string}, {string}) ; levenshtein({string}, {string}) ; levenshtein({string}, {string}, {small}) ; find_in_set({string}, {string})
        boolean: contains({string}, {string}) ; startswith({string}, {string}) ; endswith({string}, {string}) ; luhn_check({string}) ; contains({binary}, {binary}) ; startswith({binary}, {binary}) ; is_valid_utf8({string})
        double: jaro_winkler_similarity({string}, {string})
        binary: unhex({string}) ; encode({string}, {$charset}) ; substring({binary}, {small}, {small}) ; concat({binary}, {binary}) ; left({binary}, {small}) ; lpad({binary}, {small}, {binary}) ; rpad({binary}, {small}) ; overlay({binary}, {binary}, {small}) ; ({binary} || {binary}) ; try_to_binary({string}, {$binfmt}) ; to_binary({string}, {$binfmt})
        string: decode({binary}, {$charset}) ; decode({O}, {O}, {string}, {string}) ; base64({binary}) ; url_encode({string}) ; try_url_decode({string}) ; url_decode({string}) ; make_valid_utf8({string}) ; try_validate_utf8({string}) ; validate_utf8({string}) ; parse_url({$url}, {$urlpart}) ; try_parse_url({string}, {$urlpart}) ; parse_url({$url}, 'QUERY', 'a') ; to_base32({binary})
        binary: unbase64(base64({binary})) ; unbase64({string}) ; from_base32({string}) ; from_base32(to_base32({binary}))
    """,
    "patterns": """
        boolean: ({string} like {$like}) ; ({string} not like {$like}) ; ({string} ilike {$like}) ; like({string}, {string}) ; ({string} rlike {$regex}) ; regexp_like({string}, {$regex}) ; regexp({string}, {$regex}) ; ({string} like any ({$like}, {$like})) ; ({string} like all ({$like}, {$like})) ; ({string} like {$like} escape '/')
        string: regexp_extract({string}, {$regex}, 0) ; regexp_extract({string}, {$group_regex}) ; regexp_extract({string}, {$group_regex}, 1) ; regexp_replace({string}, {$regex}, {$replacement}) ; regexp_replace({string}, {$regex}, '') ; regexp_substr({string}, {$regex})
        array<string>: split({string}, {$regex}) ; split({string}, {$regex}, {$limit}) ; regexp_extract_all({string}, {$group_regex}) ; regexp_extract_all({string}, {$regex}, 0)
        int: regexp_count({string}, {$regex}) ; regexp_instr({string}, {$regex})
    """,
    "dates": """
        int: year({date}) ; quarter({date}) ; month({timestamp}) ; day({date}) ; dayofmonth({timestamp}) ; dayofyear({date}) ; dayofweek({date}) ; weekday({date}) ; weekofyear({date}) ; hour({timestamp}) ; minute({timestamp}) ; second({timestamp}) ; hour({timestamp_ntz}) ; datediff({date}, {date}) ; date_diff({timestamp}, {date}) ; unix_date({date}) ; extract({$field} from {timestamp}) ; extract({$field} from {date}) ; date_part({$field_text}, {timestamp}) ; datepart({$field_text}, {timestamp_ntz}) ; extract({$dt_field} from {dt_interval}) ; extract({$ym_field} from {ym_interval}) ; year({string})
        decimal: extract(second from {timestamp}) ; date_part('SECONDS', {timestamp_ntz}) ; extract(second from {dt_interval})
        string: dayname({date}) ; monthname({date}) ; date_format({timestamp}, {$pattern}) ; date_format({date}, {$pattern}) ; date_format({timestamp_ntz}, {$pattern}) ; from_unixtime({bigint}) ; from_unixtime({int}, {$pattern})
        date: date_add({date}, {small}) ; dateadd({date}, {int}) ; date_sub({date}, {small}) ; add_months({date}, {small}) ; last_day({date}) ; next_day({date}, {$weekday}) ; trunc({date}, {$date_unit}) ; make_date({int}, {small}, {small}) ; make_date(2024, {small}, {small}) ; date_from_unix_date({int}) ; to_date({string}) ; try_to_date({string}, {$parse_pattern}) ; try_to_date({string}) ; to_date({string}, {$parse_pattern}) ; to_date({timestamp}) ; date_add({date}, {int})
        timestamp: date_trunc({$time_unit}, {timestamp}) ; date_trunc({$time_unit}, {date}) ; to_timestamp({string}) ; try_to_timestamp({string}) ; try_to_timestamp({string}, {$parse_pattern}) ; timestamp_seconds({int}) ; timestamp_seconds({quarter}) ; timestamp_millis({bigint}) ; timestamp_micros({bigint}) ; from_utc_timestamp({timestamp}, {$zone}) ; to_utc_timestamp({timestamp}, {$zone}) ; make_timestamp({int}, {small}, {small}, {small}, {small}, {decimal}) ; try_make_timestamp(2024, {small}, {small}, {small}, {small}, {small}) ; make_timestamp_ltz(2024, 3, 10, {small}, 30, 0) ; try_make_timestamp_ltz(2024, {small}, 10, 2, 30, 0) ; to_timestamp_ltz({string}) ; timestampadd({$add_unit}, {small}, {timestamp}) ; dateadd({$add_unit}, {small}, {timestamp}) ; timestampadd({$add_unit}, {small}, {date}) ; time_bucket({$bucket}, {timestamp})
        timestamp_ntz: to_timestamp_ntz({string}) ; make_timestamp_ntz({int}, {small}, {small}, {small}, {small}, {quarter}) ; convert_timezone({$zone}, {$zone}, {timestamp_ntz}) ; date_trunc({$time_unit}, {timestamp_ntz}) ; try_make_timestamp_ntz(2024, {small}, {small}, {small}, 0, 0) ; timestampadd({$add_unit}, {small}, {timestamp_ntz}) ; time_bucket({$bucket}, {timestamp_ntz})
        bigint: unix_timestamp({timestamp}) ; to_unix_timestamp({string}, {$parse_pattern}) ; unix_timestamp({date}) ; unix_seconds({timestamp}) ; unix_millis({timestamp}) ; unix_micros({timestamp}) ; timestampdiff({$add_unit}, {timestamp}, {timestamp}) ; datediff({$add_unit}, {timestamp}, {timestamp}) ; timestampdiff({$add_unit}, {date}, {date})
        double: months_between({date}, {date}) ; months_between({timestamp}, {timestamp}) ; months_between({timestamp}, {date}, false)
        dt_interval: make_dt_interval({small}, {small}, {int}, {quarter}) ; make_dt_interval({small}) ; abs({dt_interval})
        ym_interval: make_ym_interval({small}, {small}) ; make_ym_interval({int}) ; abs({ym_interval})
        string: cast(make_interval({small}, {small}, {small}, {small}, {small}, {small}, {quarter}) as string) ; cast(try_make_interval({int}, {small}) as string)
        int: sign({dt_interval}) ; signum({ym_interval})
    """,
    "arrays": """
        float: vector_inner_product(array({float}, {float}), array({float}, {float})) ; vector_l2_distance(array({float}), array({float})) ; vector_cosine_similarity(array({float}, {float}), array({float}, {float})) ; vector_norm(array({float}, {float}), {$degree})
        float: vector_normalize(array({float}, {float}), {$degree})[{small}]
        array<T>: array({T}, {T}) ; array({T}) ; array_append({array<T>}, {T}) ; array_prepend({array<T>}, {T}) ; array_compact({array<T>}) ; array_insert({array<T>}, {small}, {T}) ; array_repeat({T}, {small}) ; slice({array<T>}, {small}, {small}) ; concat({array<T>}, {array<T>}) ; reverse({array<T>}) ; flatten(array({array<T>}, {array<T>})) ; ({array<T>} || {array<T>})
        array<O>: array_distinct({array<O>}) ; array_except({array<O>}, {array<O>}) ; array_intersect({array<O>}, {array<O>}) ; array_union({array<O>}, {array<O>}) ; array_remove({array<O>}, {O}) ; sort_array({array<O>}) ; sort_array({array<O>}, false) ; array_sort({array<O>})
        O: array_max({array<O>}) ; array_min({array<O>})
        T: element_at({array<T>}, {small}) ; try_element_at({array<T>}, {small}) ; get({array<T>}, {small})
        boolean: array_contains({array<O>}, {O}) ; arrays_overlap({array<O>}, {array<O>})
        bigint: array_position({array<O>}, {O})
        int: size({array<T>}) ; cardinality({array<T>}) ; array_size({array<T>}) ; size({map<K,T>})
        array<int>: sequence({small}, {small}) ; sequence({small}, {small}, {small})
        array<date>: sequence({$early_date}, {$late_date}) ; sequence({$early_date}, {$late_date}, {$step})
        array<timestamp>: sequence({$early_time}, {$late_time}, {$time_step})
        struct: named_struct('i', {int}, 's', {string}) ; struct({int} as i, {string} as s)
        string: cast(arrays_zip({array<int>}, {array<string>}) as string)
    """,
    "maps": """
        map<K,T>: map({K}, {T}) ; map_concat({map<K,T>}, {map<K,T>}) ; map_from_arrays(array({K}), array({T})) ; map_from_entries(array(struct({K}, {T}))) ; map_from_arrays({array<K>}, {array<T>})
        array<K>: map_keys({map<K,T>})
        array<T>: map_values({map<K,T>})
        T: element_at({map<K,T>}, {K}) ; try_element_at({map<K,T>}, {K})
        boolean: map_contains_key({map<K,T>}, {K})
        map<string,string>: str_to_map({string}) ; str_to_map({string}, ',', ':') ; str_to_map({string}, '[,;]', '=')
        string: cast(map_entries({map<K,T>}) as string)
    """,
    "higher_order": """
        array<U>: transform({array<T>}, {T -> U}) ; transform({array<T>}, {T, int -> U}) ; zip_with({array<T>}, {array<K>}, {T, K -> U})
        array<T>: filter({array<T>}, {T -> boolean}) ; filter({array<T>}, {T, int -> boolean})
        boolean: exists({array<T>}, {T -> boolean}) ; forall({array<T>}, {T -> boolean})
        bigint: aggregate({array<int>}, 0L, (acc, x) -> acc + coalesce(x, {bigint})) ; reduce({array<int>}, 0L, (acc, x) -> acc + x, acc -> acc * 2)
        string: aggregate({array<string>}, '', (acc, x) -> concat(acc, x, {string})) ; aggregate({array<int>}, cast('' as string), (acc, x) -> concat(acc, x))
        map<K,U>: transform_values({map<K,T>}, {K, T -> U})
        map<string,int>: transform_keys({map<string,int>}, (k, v) -> upper(k)) ; map_zip_with({map<string,int>}, {map<string,int>}, (k, v1, v2) -> v1 + coalesce(v2, 1))
        map<K,T>: map_filter({map<K,T>}, {K, T -> boolean})
        array<int>: array_sort({array<int>}, (a, b) -> case when a < b then 1 when a > b then -1 else 0 end)
    """,
    "json": """
        string: to_json({struct}) ; to_json({array<struct>}) ; to_json({map<string,int>}) ; to_json(named_struct('v', {T})) ; get_json_object({$json}, {$path}) ; get_json_object({string}, '$.a') ; schema_of_json({$json}) ; to_json({array<T>}) ; to_csv({struct}) ; to_csv(named_struct('v', {T}, 's', {string})) ; schema_of_csv({$csv})
        struct: from_json({$json}, 'i int, s string') ; from_json(to_json({struct}), 'i int, s string') ; from_csv({$csv}, 'i int, s string') ; from_csv({string}, 'i int, s string') ; from_csv(to_csv({struct}), 'i int, s string')
        int: json_array_length({$json}) ; json_array_length(to_json({array<int>})) ; from_json(to_json(named_struct('a', {int})), 'a int').a
        array<string>: json_object_keys({$json}) ; from_json({$json_array}, 'array<string>')
        double: from_json(to_json(named_struct('a', {double})), 'a double').a
        timestamp: from_json(to_json(named_struct('a', {timestamp})), 'a timestamp').a
        map<string,string>: from_json({$json}, 'map<string,string>')
    """,
    "hashes": """
        string: md5({binary}) ; sha({string}) ; sha1({binary}) ; sha2({string}, {$bits})
        bigint: crc32({binary}) ; crc32({string}) ; xxhash64({T}) ; xxhash64({T}, {U}, {string})
        int: hash({T}) ; hash({T}, {U}) ; hash({decimal}) ; hash({N})
        string: hex(hmac({binary}, {binary})) ; typeof({T})
    """,
    "number_texts": """
        string: to_char({decimal}, {$number_format}) ; to_varchar({int}, {$number_format}) ; to_char({timestamp}, {$pattern})
        decimal: try_to_number({string}, {$number_format}) ; to_number('12.34', '99.99')
    """,
}

# Aggregates; `{distinct}` may become DISTINCT.
AGGREGATES = """
    bigint: count(*) ; count({T}) ; count(distinct {O}) ; count(distinct {int}, {string}) ; count_if({boolean}) ; approx_count_distinct({O}) ; regr_count({quarter}, {quarter})
    O: max({O}) ; min({O}) ; max({O}) ; min({O})
    O: max_by({O}, {=}) ; min_by({O}, {=})
    S: sum({S}) ; sum(distinct {S}) ; try_sum({S})
    double: avg({int}) ; avg({quarter}) ; mean({bigint}) ; avg(distinct {int}) ; try_avg({quarter}) ; sum({quarter}) ; sum(distinct {quarter})
    decimal: avg({decimal}) ; sum({decimal}) ; try_avg({decimal}) ; try_sum({decimal})
    dt_interval: avg({dt_interval})
    ym_interval: avg({ym_interval})
    double: stddev_samp({quarter}) ; stddev({int}) ; std({quarter}) ; stddev_pop({quarter}) ; var_samp({quarter}) ; variance({int}) ; var_pop({quarter}) ; skewness({quarter}) ; kurtosis({quarter}) ; corr({quarter}, {quarter}) ; covar_pop({quarter}, {quarter}) ; covar_samp({quarter}, {quarter}) ; median({quarter}) ; percentile({quarter}, 0.25) ; percentile({int}, 0.5) ; percentile_cont(0.3) within group (order by {quarter}) ; percentile_disc(0.4) within group (order by {quarter} desc) ; regr_slope({quarter}, {quarter}) ; regr_intercept({quarter}, {quarter}) ; regr_r2({quarter}, {quarter}) ; regr_avgx({quarter}, {quarter}) ; regr_avgy({quarter}, {quarter}) ; regr_sxx({quarter}, {quarter}) ; regr_sxy({quarter}, {quarter}) ; regr_syy({quarter}, {quarter})
    O: percentile_approx({quarter}, 0.5) ; approx_percentile({int}, 0.25) ; mode() within group (order by {quarter})
    string: hex(bitmap_construct_agg(bitmap_bit_position({small}))) ; hex(bitmap_or_agg({binary})) ; hex(bitmap_and_agg({binary}))
    boolean: bool_and({boolean}) ; bool_or({boolean}) ; every({boolean}) ; some({boolean}) ; any({boolean})
    I: bit_and({I}) ; bit_or({I}) ; bit_xor({I})
    array<O>: sort_array(collect_list({O})) ; sort_array(collect_set({O})) ; sort_array(array_agg({O})) ; sort_array(collect_union(array({O}, {O})))
    string: listagg({string}, ',') within group (order by {=} desc) ; string_agg(distinct {string}) within group (order by {=})
"""

# Functions with a window; the order is by a unique column.
WINDOW_CALLS = """
    int: row_number() ; rank() ; dense_rank() ; ntile(3)
    double: percent_rank() ; cume_dist()
    T: lag({T}) ; lead({T}, 2) ; lag({T}, 1, {T}) ; nth_value({T}, 2) ; first_value({T}) ; last_value({T}) ; first({T}, true) ; last({T}) ignore nulls ; lead({T}) ignore nulls ; any_value({T})
"""

_TEXTS = (
    "''", "'a'", "'A'", "'abc'", "' a b '", "'é'", "'日本'", "'😀x'", "'e\u0301'", "'1'", "'-1.5'", "' 12 '", "'1e3'", "'true'", "'NaN'",
    "'2024-03-10'", "'2024-03-10 02:30:00'", "'1582-10-10'", "'a,b,c'", "'a:1,b:2'", "'%_'", "'ß'", "'İı'", "'abcabc'", "'x=1;y=2'", "'hello World foo-bar'",
    "'a\\nb'", "'\\t'", "'9223372036854775808'", "'0x1F'", "'http://h/p?q=1'", "'{\"a\":1}'", "'+7'", "'Z'", "'-'", "'1 02:03:04'", "'2-3'", "'𝒳𝔶z'", "'👩‍👧'", "'ǅﬁΣς'", "'\\u0000b'", "'a😀b😀'",
)
_GAPS = (
    "2024-03-10 02:30:00", "2024-11-03 01:30:00", "2024-03-31 02:30:00", "2024-10-27 02:30:00", "2018-11-04 00:30:00",
)
LITERALS: dict[str, tuple[str, ...]] = {
    "boolean": ("true", "false"),
    "tinyint": ("0Y", "1Y", "-1Y", "5Y", "127Y", "-128Y"),
    "smallint": ("0S", "1S", "-7S", "300S", "32767S", "-32768S"),
    "int": ("0", "1", "-1", "2", "3", "7", "10", "-5", "31", "100", "2024", "2147483647", "-2147483648"),
    "small": ("0", "1", "2", "3", "5", "-1", "-2"),
    "bigint": ("0L", "1L", "-1L", "5L", "1000L", "86400L", "1710054000L", "9223372036854775807L", "-9223372036854775808L", "4294967296L"),
    "float": ("float(0)", "float(1.5)", "float(-2.25)", "float('NaN')", "float('Infinity')", "float(0.1)", "float('-0.0')", "float(16777217)", "float(1e-40)", "float(3.4028235E38)"),
    "double": ("0.0D", "-0.0D", "1.5D", "-2.5D", "3.5D", "0.1D", "double('NaN')", "double('Infinity')", "double('-Infinity')", "1e308D", "1e-320D", "123456789.125D", "1e15D", "9.007199254740993e15D", "-1D", "1e-5D", "1e7D"),
    "quarter": ("0.0D", "0.25D", "1.0D", "-1.5D", "2.0D", "3.75D", "100.5D", "-0.5D"),
    "decimal": ("0.0", "1.5", "-2.50", "0.001", "100", "cast(12.34 as decimal(10,2))", "12345678901234567890.123456789", "99999999999999999999999999999999999999", "cast(-0.5 as decimal(38,18))", "2.5BD", "-99999.99", "cast(7 as decimal(5,0))"),
    "string": _TEXTS,
    "binary": ("X''", "X'00'", "X'61'", "X'6162'", "X'FF'", "X'C3'", "X'E697A5'", "X'C3A9FF'"),
    "date": ("date'2024-02-29'", "date'1970-01-01'", "date'1969-12-31'", "date'1582-10-04'", "date'1582-10-15'", "date'0001-01-01'", "date'9999-12-31'", "date'2024-12-30'", "date'2021-01-03'", "date'1900-03-01'", "date'2023-01-31'", "date_add(date'9999-12-31', 400)", "date_sub(date'0001-01-01', 400)"),
    "timestamp": (*(f"timestamp'{text}'" for text in _GAPS), "timestamp'1970-01-01 00:00:00'", "timestamp'1969-12-31 23:59:59.999999'", "timestamp'2024-02-29 12:34:56.789012'", "timestamp'1582-10-10 00:00:00'", "timestamp'0001-01-02 00:00:00'", "timestamp'9999-12-30 23:59:59.5'", "timestamp'1883-11-18 12:03:57'", "timestamp'2023-01-31 23:00:00'", "timestamp'2024-06-30 10:00:00Z'"),
    "timestamp_ntz": (*(f"timestamp_ntz'{text}'" for text in _GAPS), "timestamp_ntz'1970-01-01 00:00:00'", "timestamp_ntz'1969-12-31 23:59:59.999999'", "timestamp_ntz'2024-02-29 12:34:56.789012'", "timestamp_ntz'0001-01-01 00:00:00'", "timestamp_ntz'9999-12-31 23:59:59.999999'"),
    "dt_interval": ("interval '1' day", "interval '-1 02:03:04.567891' day to second", "interval '0' second", "interval '100' hour", "interval '90' minute", "interval '-0.000001' second"),
    "ym_interval": ("interval '1' year", "interval '-1-3' year to month", "interval '0' month", "interval '14' month"),
    "struct": ("named_struct('i', 1, 's', 'a')", "named_struct('i', null, 's', 'b')", "named_struct('i', 2, 's', null)"),
}

POOLS: dict[str, tuple[str, ...]] = {
    "type": ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal(10,2)", "decimal(38,18)", "decimal(5,0)", "boolean", "string", "binary", "date", "timestamp", "timestamp_ntz", "interval day to second", "interval hour", "interval second", "interval year", "interval year to month", "array<string>", "array<double>", "map<string,string>", "struct<a:string,b:string>"),
    "odd": ("' 12 '", "'+5'", "'.5'", "'5.'", "'-.5e2'", "'1e3'", "'1E-2'", "'0x1F'", "'1_000'", "'1,000'", "'Infinity'", "'-inf'", "'+Inf'", "'nan'", "'1d'", "'1.5f'", "'2L'", "'1e400'", "'1e-400'", "'\\t7\\n'", "'\\u00a07'", "'１２'", "'TRUE '", "' t'", "'yes'", "'n'", "'0'", "'2024-3-1'", "'2024-03'", "'2024'", "'2024-03-10T02:30'", "'2024-03-10 2:3:4'", "'2024-03-10 02:30:00.1234567'", "'2024-03-10 02:30:00+05:30'", "'2024-03-10 02:30:00 Europe/Paris'", "'2024-03-10T02:30:00Z'", "'12:30'", "'T12:30:15'", "'2024-02-30'", "'2023-02-29'", "'2024-13-01'", "'2024-01-01 24:00:00'", "'2024-01-01 23:59:60'", "'+2024-01-01'", "'-0044-03-15'", "'10000-01-01'", "'20240310'", "'2024-03-10 '", "'2024-03-10x'", "'epoch'", "'1 day'", "'interval 1 day'", "'INTERVAL \\'1\\' DAY'", "'1 2:3:4.5'", "'-1-2'", "'+1-02'", "'-0 00:00:00.000001'", "'99999999999999999999'", "'-9223372036854775808'", "'2147483648'", "'127.9'", "'-128.5'", "'null'", "'--1'", "'1 2'", "'a'", "''", "'  '"),
    "digits": ("0", "1", "2", "-1", "-2", "5", "38"),
    "digits0": ("0", "2", "4"),
    "base": ("2", "8", "10", "16", "36", "-10", "-16"),
    "charset": ("'UTF-8'", "'UTF-16'", "'UTF-16BE'", "'UTF-16LE'", "'US-ASCII'", "'ISO-8859-1'", "'utf-8'"),
    "binfmt": ("'hex'", "'utf-8'", "'base64'"),
    "url": ("'http://user:pw@host.com:80/p/a/t?a=1&b=2#frag'", "'https://x.org'", "'ftp://h/%20x?a=%C3%A9'", "'bad url'", "'http://h?b=1'"),
    "urlpart": ("'HOST'", "'PATH'", "'QUERY'", "'REF'", "'PROTOCOL'", "'FILE'", "'AUTHORITY'", "'USERINFO'"),
    "like": ("'%a%'", "'a_c'", "'_'", "'%'", "''", "'a\\\\_%'", "'/%%'", "'A%'", "'%b'", "'é'", "'__'", "'%.%'"),
    "regex": ("'a'", "'[a-c]+'", "'^a'", "'b$'", "'\\\\d+'", "'\\\\s'", "'.'", "','", "'(?i)A'", "'a|b'", "'x*'", "'[^a]'", "'\\\\w+'", "'\\\\bfoo'", "''", "'.*'", "'a{2,}'"),
    "group_regex": ("'(a)(b)'", "'([a-z]+)'", "'(\\\\d)(\\\\d)?'", "'(x)|(a)'", "'a(.)'"),
    "replacement": ("'-'", "'<$0>'", "'$'", "'\\\\\\\\'", "'xx'"),
    "limit": ("-1", "0", "1", "2", "3"),
    "field": ("year", "month", "day", "hour", "minute", "quarter", "week", "doy", "dow", "dayofweek_iso", "yearofweek", "dow_iso"),
    "field_text": ("'YEAR'", "'mons'", "'d'", "'h'", "'m'", "'QTR'", "'w'", "'DOY'", "'dayofweek'"),
    "dt_field": ("day", "hour", "minute"),
    "ym_field": ("year", "month"),
    "pattern": ("'yyyy-MM-dd HH:mm:ss'", "'yyyy-MM-dd'", "'dd/MM/yy'", "'EEE, d MMM yyyy'", "'hh:mm a'", "'yyyyMMddHHmmssSSS'", "'D'", "'HH:mm:ss.SSSSSS'", "'QQQ yyyy'", "'EEEE MMMM'", "'yyyy-MM-dd\\'T\\'HH:mm:ssXXX'", "'H:m:s'", "'u'", "'y'", "'MMM'", "'k K'", "'yy yyy yyyyy'", "'L LL LLL LLLL'", "'M MM MMMM'", "'E EE EEE EEEE'", "'d dd'", "'DDD'", "'hh KK kk HH'", "'S SS SSSS SSSSSSSSS'", "'a h'", "'G y'", "'q qqq Q QQQQ'", "'X XX XXX'", "'x xx xxx'", "'Z ZZZ ZZZZZ'", "'VV'", "'O OOOO'", "'[yyyy][-MM]'", "'\'at\' HH'", "'yyyy.MM.dd G'", "'F'", "'MM/dd/yyyy hh:mm:ss a'"),
    "parse_pattern": ("'yyyy-MM-dd'", "'yyyy-MM-dd HH:mm:ss'", "'yyyy-M-d'", "'yyyy'", "'dd/MM/yyyy'", "'yyyyMMdd'", "'yyyy-MM-dd\'T\'HH:mm[:ss]'", "'yyyy-M-d H:m:s'", "'HH:mm'", "'yyyy-MM-dd HH:mm:ssXXX'", "'yyyy-MM-dd HH:mm:ss.SSS'", "'yy-M-d'", "'yyyy-MM'", "'D'", "'MMM d yyyy'"),
    "weekday": ("'MO'", "'Sunday'", "'fri'", "'x'", "'TU'"),
    "date_unit": ("'year'", "'MM'", "'week'", "'quarter'", "'mon'", "'day'", "'yy'"),
    "time_unit": ("'YEAR'", "'month'", "'DAY'", "'HOUR'", "'minute'", "'SECOND'", "'WEEK'", "'QUARTER'", "'MILLISECOND'", "'microsecond'", "'x'"),
    "add_unit": ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"),
    "zone": ("'America/New_York'", "'Asia/Kolkata'", "'UTC'", "'+05:30'", "'Europe/Paris'", "'Australia/Lord_Howe'", "'America/Sao_Paulo'", "'-08:00'"),
    "early_date": ("date'2024-02-27'", "date'1582-10-03'", "date'2024-01-31'"),
    "late_date": ("date'2024-03-02'", "date'2024-02-27'"),
    "step": ("interval 1 day", "interval 1 month", "interval 1 week", "interval '1' year"),
    "early_time": ("timestamp'2024-03-09 22:00:00'", "timestamp'2024-03-10 00:30:00'"),
    "late_time": ("timestamp'2024-03-10 06:00:00'",),
    "time_step": ("interval 1 hour", "interval 90 minute", "interval 1 day"),
    "json": ("'{\"i\":1,\"s\":\"x\"}'", "'{\"a\":{\"b\":[1,2]},\"c\":null}'", "'[1,2,3]'", "'{\"i\":\"x\"}'", "'bad'", "'[]'", "'{}'", "'{\"i\":1.5,\"s\":2}'", "'null'", "'[{\"a\":1},{\"a\":\"é\"}]'", "''"),
    "csv": ("'1,x'", "'x,y'", "''", "'1,\"a b\"'", "','", "' 2 , é '", "'1'", "'1,x,y'", "'1.5,2024-03-10'"),
    "json_array": ("'[\"a\",null]'", "'[]'", "'[1,true]'", "'x'"),
    "path": ("'$'", "'$.a'", "'$.a.b'", "'$.a.b[0]'", "'$[*].a'", "'$.c'", "'$[1]'", "'$.a.b[*]'", "'a'"),
    "bucket": ("interval '1' day", "interval '90' minute", "interval '36' hour", "interval '1' month", "interval '1-2' year to month"),
    "degree": ("float(1)", "float(2)", "float('inf')"),
    "bits": ("0", "256", "224", "384", "512", "1"),
    "number_format": ("'999'", "'99.99'", "'S999.9'", "'$99,999.99'", "'000000'", "'999MI'", "'99PR'"),
}
ZONES = ("UTC", "America/New_York", "Europe/Paris", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Shanghai")
# fmt: on
