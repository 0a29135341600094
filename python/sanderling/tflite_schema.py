"""The operators of TFLite's schema as one table, read by the importer and the exporter.

Three lists follow, in the words of the schema: the options tables of the two unions (position = union number - 1;
fields in slot order, `name:type=default`, "-" for a retired field, type "graph" for the index of a graph), the
operators (code, name, options table), and the enumerations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_OPTIONS_1 = """
Conv2DOptions padding:Padding stride_w:int stride_h:int fused_activation_function:ActivationFunctionType
    dilation_w_factor:int=1 dilation_h_factor:int=1 quantized_bias_type:TensorType
DepthwiseConv2DOptions padding:Padding stride_w:int stride_h:int depth_multiplier:int
    fused_activation_function:ActivationFunctionType dilation_w_factor:int=1 dilation_h_factor:int=1
ConcatEmbeddingsOptions num_channels:int num_columns_per_channel:[int] embedding_dim_per_channel:[int]
LSHProjectionOptions type:LSHProjectionType
Pool2DOptions padding:Padding stride_w:int stride_h:int filter_width:int filter_height:int
    fused_activation_function:ActivationFunctionType
SVDFOptions rank:int fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool
RNNOptions fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool
FullyConnectedOptions fused_activation_function:ActivationFunctionType
    weights_format:FullyConnectedOptionsWeightsFormat keep_num_dims:bool asymmetric_quantize_inputs:bool
    quantized_bias_type:TensorType
SoftmaxOptions beta:float
ConcatenationOptions axis:int fused_activation_function:ActivationFunctionType
AddOptions fused_activation_function:ActivationFunctionType pot_scale_int16:bool=1
L2NormOptions fused_activation_function:ActivationFunctionType
LocalResponseNormalizationOptions radius:int bias:float alpha:float beta:float
LSTMOptions fused_activation_function:ActivationFunctionType cell_clip:float proj_clip:float
    kernel_type:LSTMKernelType asymmetric_quantize_inputs:bool
ResizeBilinearOptions -:int -:int align_corners:bool half_pixel_centers:bool
CallOptions subgraph:graph
ReshapeOptions new_shape:[int]
SkipGramOptions ngram_size:int max_skip_size:int include_all_ngrams:bool
SpaceToDepthOptions block_size:int
EmbeddingLookupSparseOptions combiner:CombinerType
MulOptions fused_activation_function:ActivationFunctionType
PadOptions
GatherOptions axis:int batch_dims:int
BatchToSpaceNDOptions
SpaceToBatchNDOptions
TransposeOptions
ReducerOptions keep_dims:bool
SubOptions fused_activation_function:ActivationFunctionType pot_scale_int16:bool=1
DivOptions fused_activation_function:ActivationFunctionType
SqueezeOptions squeeze_dims:[int]
SequenceRNNOptions time_major:bool fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool
StridedSliceOptions begin_mask:int end_mask:int ellipsis_mask:int new_axis_mask:int shrink_axis_mask:int offset:bool
ExpOptions
TopKV2Options
SplitOptions num_splits:int
LogSoftmaxOptions
CastOptions in_data_type:TensorType out_data_type:TensorType
DequantizeOptions
MaximumMinimumOptions
ArgMaxOptions output_type:TensorType
LessOptions
NegOptions
PadV2Options
GreaterOptions
GreaterEqualOptions
LessEqualOptions
SelectOptions
SliceOptions
TransposeConvOptions padding:Padding stride_w:int stride_h:int fused_activation_function:ActivationFunctionType
    quantized_bias_type:TensorType
SparseToDenseOptions validate_indices:bool
TileOptions
ExpandDimsOptions
EqualOptions
NotEqualOptions
ShapeOptions out_type:TensorType
PowOptions
ArgMinOptions output_type:TensorType
FakeQuantOptions min:float max:float num_bits:int narrow_range:bool
PackOptions values_count:int axis:int
LogicalOrOptions
OneHotOptions axis:int
LogicalAndOptions
LogicalNotOptions
UnpackOptions num:int axis:int
FloorDivOptions
SquareOptions
ZerosLikeOptions
FillOptions
BidirectionalSequenceLSTMOptions fused_activation_function:ActivationFunctionType cell_clip:float proj_clip:float
    merge_outputs:bool time_major:bool=1 asymmetric_quantize_inputs:bool
BidirectionalSequenceRNNOptions time_major:bool fused_activation_function:ActivationFunctionType merge_outputs:bool
    asymmetric_quantize_inputs:bool
UnidirectionalSequenceLSTMOptions fused_activation_function:ActivationFunctionType cell_clip:float proj_clip:float
    time_major:bool asymmetric_quantize_inputs:bool diagonal_recurrent_tensors:bool
FloorModOptions
RangeOptions
ResizeNearestNeighborOptions align_corners:bool half_pixel_centers:bool
LeakyReluOptions alpha:float
SquaredDifferenceOptions
MirrorPadOptions mode:MirrorPadMode
AbsOptions
SplitVOptions num_splits:int
UniqueOptions idx_out_type:TensorType=2
ReverseV2Options
AddNOptions
GatherNdOptions
CosOptions
WhereOptions
RankOptions
ReverseSequenceOptions seq_dim:int batch_dim:int
MatrixDiagOptions
QuantizeOptions
MatrixSetDiagOptions
HardSwishOptions
IfOptions then_subgraph_index:graph else_subgraph_index:graph
WhileOptions cond_subgraph_index:graph body_subgraph_index:graph
DepthToSpaceOptions block_size:int
NonMaxSuppressionV4Options
NonMaxSuppressionV5Options
ScatterNdOptions
SelectV2Options
DensifyOptions
SegmentSumOptions
BatchMatMulOptions adj_x:bool adj_y:bool asymmetric_quantize_inputs:bool
CumsumOptions exclusive:bool reverse:bool
CallOnceOptions init_subgraph_index:graph
BroadcastToOptions
Rfft2dOptions
Conv3DOptions padding:Padding stride_d:int stride_w:int stride_h:int
    fused_activation_function:ActivationFunctionType dilation_d_factor:int=1 dilation_w_factor:int=1
    dilation_h_factor:int=1
HashtableOptions table_id:int key_dtype:TensorType value_dtype:TensorType
HashtableFindOptions
HashtableImportOptions
HashtableSizeOptions
VarHandleOptions container:string shared_name:string
ReadVariableOptions
AssignVariableOptions
RandomOptions seed:long seed2:long
BucketizeOptions boundaries:[float]
GeluOptions approximate:bool
DynamicUpdateSliceOptions
UnsortedSegmentProdOptions
UnsortedSegmentMaxOptions
UnsortedSegmentMinOptions
UnsortedSegmentSumOptions
ATan2Options
SignOptions
BitcastOptions
BitwiseXorOptions
RightShiftOptions
"""

_OPTIONS_2 = """
StablehloConcatenateOptions dimension:long
StablehloBroadcastInDimOptions broadcast_dimensions:[long]
StablehloSliceOptions start_indices:[long] limit_indices:[long] strides:[long]
StablehloConvolutionOptions window_strides:[long] padding:[long] lhs_dilation:[long] rhs_dilation:[long]
    window_reversal:[bool] input_batch_dimension:long input_feature_dimension:long input_spatial_dimensions:[long]
    kernel_input_feature_dimension:long kernel_output_feature_dimension:long kernel_spatial_dimensions:[long]
    output_batch_dimension:long output_feature_dimension:long output_spatial_dimensions:[long]
    feature_group_count:long batch_group_count:long precision_config:[StablehloPrecisionConfig]
StablehloCustomCallOptions call_target_name:string has_side_effect:bool backend_config:string api_version:int
    called_computations:[int] custom_attributes:[ubyte]
StablehloReduceOptions dimensions:[long] body_subgraph_index:int
StablehloScatterOptions indices_are_sorted:bool update_window_dims:[long] inserted_window_dims:[long]
    scatter_dims_to_operand_dims:[long] index_vector_dim:long unique_indices:bool
    update_computation_subgraph_index:int
StablehloCompareOptions comparison_direction:StablehloComparisonDirection compare_type:StablehloComparisonType
StablehloDynamicSliceOptions slice_sizes:[long]
StablehloPadOptions edge_padding_low:[long] edge_padding_high:[long] interior_padding:[long]
StablehloIotaOptions iota_dimension:long
StablehloDotGeneralOptions lhs_batching_dimensions:[long] rhs_batching_dimensions:[long]
    lhs_contracting_dimensions:[long] rhs_contracting_dimensions:[long] precision_config:[StablehloPrecisionConfig]
StablehloReduceWindowOptions window_dimensions:[long] window_strides:[long] base_dilations:[long]
    window_dilations:[long] padding:[long] body_subgraph_index:int
StablehloSortOptions dimension:long is_stable:bool comparator_subgraph_index:int
StablehloWhileOptions cond_subgraph_index:int body_subgraph_index:int
StablehloGatherOptions offset_dims:[long] collapsed_slice_dims:[long] start_index_map:[long] index_vector_dim:long
    slice_sizes:[long] indices_are_sorted:bool
StablehloTransposeOptions permutation:[long]
DilateOptions
StablehloRngBitGeneratorOptions algorithm:RngAlgorithm
ReduceWindowOptions reduce_function:ReduceWindowFunction
StableHLOCompositeOptions name:string decomposition_subgraph_index:int composite_attributes:[ubyte]
    composite_attributes_format:CustomOptionsFormat version:int
StablehloShiftLeftOptions
StablehloCaseOptions branch_subgraph_indices:[int]
"""

_OPERATORS = """
0 ADD AddOptions
1 AVERAGE_POOL_2D Pool2DOptions
2 CONCATENATION ConcatenationOptions
3 CONV_2D Conv2DOptions
4 DEPTHWISE_CONV_2D DepthwiseConv2DOptions
5 DEPTH_TO_SPACE DepthToSpaceOptions
6 DEQUANTIZE DequantizeOptions
7 EMBEDDING_LOOKUP
8 FLOOR
9 FULLY_CONNECTED FullyConnectedOptions
10 HASHTABLE_LOOKUP
11 L2_NORMALIZATION L2NormOptions
12 L2_POOL_2D Pool2DOptions
13 LOCAL_RESPONSE_NORMALIZATION LocalResponseNormalizationOptions
14 LOGISTIC
15 LSH_PROJECTION LSHProjectionOptions
16 LSTM LSTMOptions
17 MAX_POOL_2D Pool2DOptions
18 MUL MulOptions
19 RELU
20 RELU_N1_TO_1
21 RELU6
22 RESHAPE ReshapeOptions
23 RESIZE_BILINEAR ResizeBilinearOptions
24 RNN RNNOptions
25 SOFTMAX SoftmaxOptions
26 SPACE_TO_DEPTH SpaceToDepthOptions
27 SVDF SVDFOptions
28 TANH
29 CONCAT_EMBEDDINGS ConcatEmbeddingsOptions
30 SKIP_GRAM SkipGramOptions
31 CALL CallOptions
32 CUSTOM
33 EMBEDDING_LOOKUP_SPARSE EmbeddingLookupSparseOptions
34 PAD PadOptions
35 UNIDIRECTIONAL_SEQUENCE_RNN SequenceRNNOptions
36 GATHER GatherOptions
37 BATCH_TO_SPACE_ND BatchToSpaceNDOptions
38 SPACE_TO_BATCH_ND SpaceToBatchNDOptions
39 TRANSPOSE TransposeOptions
40 MEAN ReducerOptions
41 SUB SubOptions
42 DIV DivOptions
43 SQUEEZE SqueezeOptions
44 UNIDIRECTIONAL_SEQUENCE_LSTM UnidirectionalSequenceLSTMOptions
45 STRIDED_SLICE StridedSliceOptions
46 BIDIRECTIONAL_SEQUENCE_RNN BidirectionalSequenceRNNOptions
47 EXP ExpOptions
48 TOPK_V2 TopKV2Options
49 SPLIT SplitOptions
50 LOG_SOFTMAX LogSoftmaxOptions
51 DELEGATE
52 BIDIRECTIONAL_SEQUENCE_LSTM BidirectionalSequenceLSTMOptions
53 CAST CastOptions
54 PRELU
55 MAXIMUM MaximumMinimumOptions
56 ARG_MAX ArgMaxOptions
57 MINIMUM MaximumMinimumOptions
58 LESS LessOptions
59 NEG NegOptions
60 PADV2 PadV2Options
61 GREATER GreaterOptions
62 GREATER_EQUAL GreaterEqualOptions
63 LESS_EQUAL LessEqualOptions
64 SELECT SelectOptions
65 SLICE SliceOptions
66 SIN
67 TRANSPOSE_CONV TransposeConvOptions
68 SPARSE_TO_DENSE SparseToDenseOptions
69 TILE TileOptions
70 EXPAND_DIMS ExpandDimsOptions
71 EQUAL EqualOptions
72 NOT_EQUAL NotEqualOptions
73 LOG
74 SUM ReducerOptions
75 SQRT
76 RSQRT
77 SHAPE ShapeOptions
78 POW PowOptions
79 ARG_MIN ArgMinOptions
80 FAKE_QUANT FakeQuantOptions
81 REDUCE_PROD ReducerOptions
82 REDUCE_MAX ReducerOptions
83 PACK PackOptions
84 LOGICAL_OR LogicalOrOptions
85 ONE_HOT OneHotOptions
86 LOGICAL_AND LogicalAndOptions
87 LOGICAL_NOT LogicalNotOptions
88 UNPACK UnpackOptions
89 REDUCE_MIN ReducerOptions
90 FLOOR_DIV FloorDivOptions
91 REDUCE_ANY ReducerOptions
92 SQUARE SquareOptions
93 ZEROS_LIKE ZerosLikeOptions
94 FILL FillOptions
95 FLOOR_MOD FloorModOptions
96 RANGE RangeOptions
97 RESIZE_NEAREST_NEIGHBOR ResizeNearestNeighborOptions
98 LEAKY_RELU LeakyReluOptions
99 SQUARED_DIFFERENCE SquaredDifferenceOptions
100 MIRROR_PAD MirrorPadOptions
101 ABS AbsOptions
102 SPLIT_V SplitVOptions
103 UNIQUE UniqueOptions
104 CEIL
105 REVERSE_V2 ReverseV2Options
106 ADD_N AddNOptions
107 GATHER_ND GatherNdOptions
108 COS CosOptions
109 WHERE WhereOptions
110 RANK RankOptions
111 ELU
112 REVERSE_SEQUENCE ReverseSequenceOptions
113 MATRIX_DIAG MatrixDiagOptions
114 QUANTIZE QuantizeOptions
115 MATRIX_SET_DIAG MatrixSetDiagOptions
116 ROUND
117 HARD_SWISH HardSwishOptions
118 IF IfOptions
119 WHILE WhileOptions
120 NON_MAX_SUPPRESSION_V4 NonMaxSuppressionV4Options
121 NON_MAX_SUPPRESSION_V5 NonMaxSuppressionV5Options
122 SCATTER_ND ScatterNdOptions
123 SELECT_V2 SelectV2Options
124 DENSIFY DensifyOptions
125 SEGMENT_SUM SegmentSumOptions
126 BATCH_MATMUL BatchMatMulOptions
127 PLACEHOLDER_FOR_GREATER_OP_CODES
128 CUMSUM CumsumOptions
129 CALL_ONCE CallOnceOptions
130 BROADCAST_TO BroadcastToOptions
131 RFFT2D Rfft2dOptions
132 CONV_3D Conv3DOptions
133 IMAG
134 REAL
135 COMPLEX_ABS
136 HASHTABLE HashtableOptions
137 HASHTABLE_FIND HashtableFindOptions
138 HASHTABLE_IMPORT HashtableImportOptions
139 HASHTABLE_SIZE HashtableSizeOptions
140 REDUCE_ALL ReducerOptions
141 CONV_3D_TRANSPOSE Conv3DOptions
142 VAR_HANDLE VarHandleOptions
143 READ_VARIABLE ReadVariableOptions
144 ASSIGN_VARIABLE AssignVariableOptions
145 BROADCAST_ARGS
146 RANDOM_STANDARD_NORMAL RandomOptions
147 BUCKETIZE BucketizeOptions
148 RANDOM_UNIFORM RandomOptions
149 MULTINOMIAL RandomOptions
150 GELU GeluOptions
151 DYNAMIC_UPDATE_SLICE DynamicUpdateSliceOptions
152 RELU_0_TO_1
153 UNSORTED_SEGMENT_PROD UnsortedSegmentProdOptions
154 UNSORTED_SEGMENT_MAX UnsortedSegmentMaxOptions
155 UNSORTED_SEGMENT_SUM UnsortedSegmentSumOptions
156 ATAN2 ATan2Options
157 UNSORTED_SEGMENT_MIN UnsortedSegmentMinOptions
158 SIGN SignOptions
159 BITCAST BitcastOptions
160 BITWISE_XOR BitwiseXorOptions
161 RIGHT_SHIFT RightShiftOptions
162 STABLEHLO_LOGISTIC
163 STABLEHLO_ADD
164 STABLEHLO_DIVIDE
165 STABLEHLO_MULTIPLY
166 STABLEHLO_MAXIMUM
167 STABLEHLO_RESHAPE
168 STABLEHLO_CLAMP
169 STABLEHLO_CONCATENATE StablehloConcatenateOptions
170 STABLEHLO_BROADCAST_IN_DIM StablehloBroadcastInDimOptions
171 STABLEHLO_CONVOLUTION StablehloConvolutionOptions
172 STABLEHLO_SLICE StablehloSliceOptions
173 STABLEHLO_CUSTOM_CALL StablehloCustomCallOptions
174 STABLEHLO_REDUCE StablehloReduceOptions
175 STABLEHLO_ABS
176 STABLEHLO_AND
177 STABLEHLO_COSINE
178 STABLEHLO_EXPONENTIAL
179 STABLEHLO_FLOOR
180 STABLEHLO_LOG
181 STABLEHLO_MINIMUM
182 STABLEHLO_NEGATE
183 STABLEHLO_OR
184 STABLEHLO_POWER
185 STABLEHLO_REMAINDER
186 STABLEHLO_RSQRT
187 STABLEHLO_SELECT
188 STABLEHLO_SUBTRACT
189 STABLEHLO_TANH
190 STABLEHLO_SCATTER StablehloScatterOptions
191 STABLEHLO_COMPARE StablehloCompareOptions
192 STABLEHLO_CONVERT
193 STABLEHLO_DYNAMIC_SLICE StablehloDynamicSliceOptions
194 STABLEHLO_DYNAMIC_UPDATE_SLICE
195 STABLEHLO_PAD StablehloPadOptions
196 STABLEHLO_IOTA StablehloIotaOptions
197 STABLEHLO_DOT_GENERAL StablehloDotGeneralOptions
198 STABLEHLO_REDUCE_WINDOW StablehloReduceWindowOptions
199 STABLEHLO_SORT StablehloSortOptions
200 STABLEHLO_WHILE StablehloWhileOptions
201 STABLEHLO_GATHER StablehloGatherOptions
202 STABLEHLO_TRANSPOSE StablehloTransposeOptions
203 DILATE DilateOptions
204 STABLEHLO_RNG_BIT_GENERATOR StablehloRngBitGeneratorOptions
205 REDUCE_WINDOW ReduceWindowOptions
206 STABLEHLO_COMPOSITE StableHLOCompositeOptions
207 STABLEHLO_SHIFT_LEFT StablehloShiftLeftOptions
208 STABLEHLO_CBRT
209 STABLEHLO_CASE StablehloCaseOptions
"""

ENUMS: dict[str, tuple[str, ...]] = {
    "StablehloPrecisionConfig": ("DEFAULT", "HIGH", "HIGHEST"),
    "StablehloComparisonDirection": (
        "STABLEHLO_COMPARISON_DIRECTION_EQ",
        "STABLEHLO_COMPARISON_DIRECTION_NE",
        "STABLEHLO_COMPARISON_DIRECTION_GE",
        "STABLEHLO_COMPARISON_DIRECTION_GT",
        "STABLEHLO_COMPARISON_DIRECTION_LE",
        "STABLEHLO_COMPARISON_DIRECTION_LT",
    ),
    "StablehloComparisonType": (
        "STABLEHLO_COMPARISON_TYPE_NOTYPE",
        "STABLEHLO_COMPARISON_TYPE_FLOAT",
        "STABLEHLO_COMPARISON_TYPE_FLOAT_TOTAL_ORDER",
        "STABLEHLO_COMPARISON_TYPE_SIGNED",
        "STABLEHLO_COMPARISON_TYPE_UNSIGNED",
    ),
    "RngAlgorithm": ("DEFAULT", "PHILOX", "THREEFRY"),
    "Padding": ("SAME", "VALID"),
    "ActivationFunctionType": ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"),
    "LSHProjectionType": ("UNKNOWN", "SPARSE", "DENSE"),
    "FullyConnectedOptionsWeightsFormat": ("DEFAULT", "SHUFFLED4x16INT8"),
    "LSTMKernelType": ("FULL", "BASIC"),
    "CombinerType": ("SUM", "MEAN", "SQRTN"),
    "MirrorPadMode": ("REFLECT", "SYMMETRIC"),
    "ReduceWindowFunction": ("UNSUPPORTED", "ADD", "MUL", "MINIMUM", "MAXIMUM", "ALL", "ANY"),
    "CustomOptionsFormat": ("FLEXBUFFERS",),
}
"""Enumeration -> names, in order of value."""

TENSOR_TYPES = (
    "float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8", "float64",
    "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16", "int2", "uint4",
    "float8_e4m3fn", "float8_e5m2",
)  # fmt: skip
"""The schema's TensorType as ir dtype names, in order of value."""

ENUMS["TensorType"] = TENSOR_TYPES

SCALARS = {
    "bool": ("?", 1),
    "byte": ("b", 1),
    "ubyte": ("B", 1),
    "int": ("i", 4),
    "graph": ("i", 4),
    "uint": ("I", 4),
    "long": ("q", 8),
    "ulong": ("Q", 8),
    "float": ("f", 4),
}
"""Scalar type of the schema -> struct code and width in bytes."""

_WIDE_ENUMS = {"StablehloPrecisionConfig", "StablehloComparisonDirection", "StablehloComparisonType"}
_INT_ENUMS = {"ReduceWindowFunction"}


class Field(NamedTuple):
    """One field of an options table.

    Attributes
    ----------
    kind : str
        "scalar", "enum", "string", "bytes" or "list" (of scalars or enumeration values).
    scalar : str
        How a value, or an element, is stored: a key of `SCALARS`.
    enum : tuple of str
        Names by value, for enumerations.
    is_graph : bool
        The value is the index of a graph.
    """

    name: str
    slot: int
    kind: str
    scalar: str
    default: Any
    enum: tuple[str, ...] = ()
    is_graph: bool = False

    @property
    def empty(self) -> Any:
        """The value where the file has none; lists are fresh."""
        return [] if self.kind == "list" else self.default


class Options(NamedTuple):
    """An options table: its number in the first or second union, and its fields."""

    name: str
    union: int
    number: int
    slots: int
    fields: tuple[Field, ...]


class Operator(NamedTuple):
    """A builtin operator: its number in the schema, and its options table if it has one."""

    name: str
    code: int
    options: Options | None


def _scalar_of(type_name: str) -> str:
    if type_name in SCALARS:
        return type_name
    if type_name in _INT_ENUMS:
        return "int"
    return "uint" if type_name in _WIDE_ENUMS else "byte"


def _field(slot: int, text: str) -> Field:
    name, _, type_name = text.partition(":")
    type_name, _, default = type_name.partition("=")
    if type_name == "string":
        return Field(name, slot, "string", "", "")
    if type_name == "[ubyte]":
        return Field(name, slot, "bytes", "ubyte", b"")
    if type_name.startswith("["):
        element = type_name[1:-1]
        return Field(name, slot, "list", _scalar_of(element), None, ENUMS.get(element, ()))
    value: Any = int(default or 0)
    if type_name in ENUMS:
        return Field(name, slot, "enum", _scalar_of(type_name), ENUMS[type_name][value], ENUMS[type_name])
    if type_name == "bool":
        value = bool(value)
    elif type_name == "float":
        value = float(value)
    return Field(name, slot, "scalar", type_name, value, is_graph=type_name == "graph")


def _read_options(text: str, union: int) -> dict[str, Options]:
    tables: dict[str, Options] = {}
    for number, row in enumerate(text.replace("\n    ", " ").split("\n")[1:-1], start=1):
        name, *fields = row.split()
        read = tuple(_field(slot, f) for slot, f in enumerate(fields) if not f.startswith("-"))
        tables[name] = Options(name, union, number, len(fields), read)
    return tables


OPTIONS = _read_options(_OPTIONS_1, 1) | _read_options(_OPTIONS_2, 2)
"""Options table by name."""

OPERATORS: dict[str, Operator] = {}
"""Operator by name."""

for _row in _OPERATORS.split("\n")[1:-1]:
    _code, _name, *_options = _row.split()
    OPERATORS[_name] = Operator(_name, int(_code), OPTIONS[_options[0]] if _options else None)

BY_CODE = {operator.code: operator for operator in OPERATORS.values()}
OPTIONS_NAMES = {(options.union, options.number): options.name for options in OPTIONS.values()}
"""(union, number) -> name of the options table, for messages."""

CUSTOM = OPERATORS["CUSTOM"].code
PLACEHOLDER = OPERATORS["PLACEHOLDER_FOR_GREATER_OP_CODES"].code
