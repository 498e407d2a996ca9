using CsCheck;
using Pedigree.Weights.Configuration;
using Xunit;

namespace Pedigree.Weights.Tests.Configuration;

public sealed class ConfigurationTests
{
    [Fact]
    public void Values_are_read_by_key_and_type()
    {
        var root = ConfigurationReader.Parse("spec.yaml", """
            base: ./models/base   # a comment
            k: 3
            t: 1e-2
            tied: true
            models: { math: ./m, code: ./c }
            tasks:
              - { task: winogrande, fewshot: 0x10 }
              - plain
            nothing: ~
            """);
        Assert.Equal("./models/base", root.RequiredString("base"));
        Assert.Equal(3, root.Required("k").AsInteger());
        Assert.Equal(3.0, root.Required("k").AsNumber());
        Assert.Equal(0.01, root.OptionalNumber("t"));
        Assert.True(root.OptionalBoolean("tied"));
        Assert.Equal(["math", "code"], root.RequiredMapping("models").Members.Select(member => member.Key));
        var tasks = root.RequiredSequence("tasks");
        Assert.Equal(16, tasks[0].AsMapping().Required("fewshot").AsInteger());
        Assert.Equal("plain", tasks[1].AsString());
        Assert.Null(root.OptionalString("nothing"));
        Assert.Null(root.OptionalSequence("absent"));
        Assert.Equal("tasks[0].fewshot (line 7, column 34)", tasks[0].AsMapping().Required("fewshot").Place);
        root.RefuseUnknownKeys();
    }

    [Theory]
    [InlineData("null", null)]
    [InlineData("", null)]
    [InlineData("True", true)]
    [InlineData("no", "no")]
    [InlineData("017", 17L)]
    [InlineData("0o17", 15L)]
    [InlineData("-12", -12L)]
    [InlineData("'12'", "12")]
    [InlineData("\"true\"", "true")]
    [InlineData(".5", 0.5)]
    [InlineData("1.", 1.0)]
    [InlineData("+1e3", 1000.0)]
    [InlineData("1_000", "1_000")]
    [InlineData("12:30", "12:30")]
    [InlineData("9223372036854775808", 9223372036854775808.0)]
    [InlineData("-.inf", double.NegativeInfinity)]
    [InlineData("2026-11-24", "2026-11-24")]
    public void Scalars_resolve_by_the_core_schema(string text, object? value)
    {
        var scalar = Assert.IsType<ConfigurationScalar>(ConfigurationReader.Parse("f", "x: " + text).Members[0].Value);
        Assert.Equal(value, scalar.Value);
    }

    [Theory]
    [InlineData("k: three", "k (line 1, column 4): must be a finite number")]
    [InlineData("k: .nan", "must be a finite number")]
    [InlineData("k: [1]", "must be a finite number")]
    [InlineData("k:", "k (line 1, column 3): must have a value")]
    [InlineData("other: 1", "line 1, column 1: must have the key `k`")]
    public void A_wrong_number_says_where_and_what_would_be_right(string text, string what)
    {
        var error = Assert.Throws<BadInputException>(() => ConfigurationReader.Parse("f.yaml", text).Required("k").AsNumber());
        Assert.Contains(what, error.Message);
        Assert.Equal("f.yaml", error.File);
    }

    [Fact]
    public void Quotes_around_a_number_or_a_boolean_and_the_booleans_of_older_yaml_are_read()
    {
        var root = ConfigurationReader.Parse("f", "a: '1e-2'\nb: \" 32 \"\nf: 32.0\nc: \"true\"\nd: no\ne: ON\n");
        Assert.Equal((0.01, 32L), (root.OptionalNumber("a"), root.OptionalInteger("b")));
        Assert.Equal((true, false, true), (root.OptionalBoolean("c"), root.OptionalBoolean("d"), root.OptionalBoolean("e")));
        Assert.Equal((" 32 ", 32L), (root.OptionalString("b"), root.OptionalInteger("f")));
    }

    [Fact]
    public void Every_type_is_checked()
    {
        var root = ConfigurationReader.Parse("f", "a: 1\nb: text\nc: {}\nd: 1.5\n");
        Assert.Contains("put it in quotes", Bad(() => root.RequiredString("a")));
        Assert.Contains("must be text", Bad(() => root.RequiredString("c")));
        Assert.Contains("`true` or `false`", Bad(() => root.OptionalBoolean("b")));
        Assert.Contains("must be a list", Bad(() => root.RequiredSequence("b")));
        Assert.Contains("must be a mapping", Bad(() => root.RequiredMapping("b")));
        Assert.Contains("must be a whole number", Bad(() => root.Required("d").AsInteger()));
    }

    [Fact]
    public void A_misspelt_key_is_refused_with_the_nearest_right_one()
    {
        var root = ConfigurationReader.Parse("spec.yaml", "base: a\nseed: 0\nstrategey: {}\n");
        root.RequiredString("base");
        root.OptionalInteger("seed");
        root.OptionalMapping("strategy");
        Assert.Equal("spec.yaml: strategey (line 3, column 12): unknown key `strategey` at line 3; did you mean `strategy`?",
            Bad(() => root.RefuseUnknownKeys()));
    }

    [Fact]
    public void An_unknown_key_far_from_all_others_lists_the_known_ones()
    {
        var root = ConfigurationReader.Parse("f", "base: a\nzzz: 1\n");
        root.RequiredString("base");
        Assert.EndsWith("unknown key `zzz` at line 2; known here: `base`", Bad(() => root.RefuseUnknownKeys()));
    }

    [Fact]
    public void A_missing_key_points_to_its_misspelling() =>
        Assert.EndsWith("must have the key `models`; is that what `modles` at line 2 should be called?",
            Bad(() => ConfigurationReader.Parse("f", "base: a\nmodles: {}\n").RequiredMapping("models")));

    [Theory]
    [InlineData("stop", "stpo", "stop")]
    [InlineData("task,tasks", "taks", "task")]
    [InlineData("slerp,linear", "SLERP", "slerp")]
    [InlineData("slerp,linear", "ties", null)]
    public void The_nearest_word_counts_swaps_as_one(string candidates, string word, string? nearest) =>
        Assert.Equal(nearest, Nearest.To(word, candidates.Split(',')));

    [Theory]
    [InlineData("a: 1\nb: 2\na: 3\n", "a (line 3, column 1): appears twice, first at line 1")]
    [InlineData("a: { b: 1, 'b': 2 }", "a.b (line 1, column 12): appears twice")]
    [InlineData("a: &x [1, *x]", "a[1] (line 1, column 11): refers to `&x`, which contains it")]
    [InlineData("a: *x", "refers to `&x`, which is not defined")]
    [InlineData("? [1]\n: 2", "a key must be text")]
    [InlineData("a: !python/object x", "tags are not supported")]
    [InlineData("a: \"\\0\"", "a (line 1, column 4): has the character NUL")]
    [InlineData("<<: 1", "<< (line 1, column 1): must be a mapping, or a list of mappings")]
    [InlineData("<<: {a: 1}\n<<: {b: 1}", "<< (line 2, column 1): appears twice")]
    [InlineData("a:\n\tb: 1\n", "is indented with a tab")]
    [InlineData("a: [1, 2", "is not YAML")]
    [InlineData("a: 1\n---\nb: 2\n", "starts a second document")]
    [InlineData("", "is empty")]
    [InlineData("# nothing", "is empty")]
    [InlineData("- 1", "must be a mapping")]
    [InlineData("a: \"\\ud800\"", "")]
    public void What_is_not_strict_yaml_is_refused(string text, string what) =>
        Assert.Contains(what, Bad(() => ConfigurationReader.Parse("f", text).Members.ToList()));

    [Fact]
    public void An_alias_is_a_value_of_its_own_place()
    {
        var root = ConfigurationReader.Parse("f", "a: &x { t: 0.5 }\nb: *x\n");
        Assert.Equal(0.5, root.RequiredMapping("b").Required("t").AsNumber());
        Assert.StartsWith("b.t (line 1", root.RequiredMapping("b").Required("t").Place);
    }

    [Fact]
    public void Merged_members_stand_behind_those_written_and_at_their_own_place()
    {
        var root = ConfigurationReader.Parse("f",
            "a: &x {t: 1, u: 2}\nb: &y {t: 3, v: 4}\nc: {<<: [*x, *y], u: 5}\nd: {\"<<\": 6}\n");
        Assert.Equal("""{"u":5,"t":1,"v":4}""", root.RequiredMapping("c").ToJson().ToJsonString());
        Assert.StartsWith("c.v (line 2, column 17)", root.RequiredMapping("c").Required("v").Place);
        Assert.Equal(6, root.RequiredMapping("d").Required("<<").AsInteger());
    }

    [Fact]
    public void A_bomb_of_aliases_is_refused()
    {
        var lines = Enumerable.Range(1, 30).Select(i => $"x{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 9))}]");
        Assert.Contains("makes more than", Bad(() => ConfigurationReader.Parse("f", "x0: &a0 [1]\n" + string.Join("\n", lines))));
    }

    [Fact]
    public void Values_nested_without_end_are_refused() =>
        Assert.Contains("nested", Bad(() => ConfigurationReader.Parse("f", "a: " + new string('[', 5000))));

    [Fact]
    public void Json_is_read_too()
    {
        const string json =
            "{\n\t\"a\": [1, 2.5, true, null, \"\\u00e9\\ud83d\\ude00\\/\\t\"],\n\t\"b\":{\"c\":\"no\"},\"d\":\"\"\n}\n";
        var read = ConfigurationReader.Parse("f.json", json).ToJson();
        Assert.Equal("""{"a":[1,2.5,true,null,"é😀/\t"],"b":{"c":"no"},"d":""}""",
            read.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping })
                .Replace("\\uD83D\\uDE00", "😀"));
    }

    [Fact]
    public void Yaml_and_the_same_in_json_are_recorded_alike() => Assert.Equal(
        ConfigurationReader.Parse("f", """{"t":[0.5,{"filter":"mlp","value":1}],"seed":0}""").ToJson().ToJsonString(),
        ConfigurationReader.Parse("f", "t:\n  - 0.5\n  - filter: mlp\n    value: 1\nseed: 0\n").ToJson().ToJsonString());

    [Fact]
    public void Many_documents_are_read_in_order() =>
        Assert.Equal([1L, 2L], ConfigurationReader.ParseAll("f", "1\n---\n2\n").Select(document => document.AsInteger()));

    [Fact]
    public void A_missing_file_is_named()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName(), "spec.yaml");
        Assert.Equal($"{path}: is missing", Bad(() => ConfigurationReader.ReadFile(path)));
    }

    [Fact]
    public void Any_text_is_read_or_refused_but_never_fails_otherwise()
    {
        var piece = Gen.OneOf(new[] { "a", "b: ", "- ", "\n", "  ", "\t", "{", "}", "[", "]", ", ", ": ", "&x ", "*x", "!t ",
            "? ", "|", ">", "\"", "'", "\\u",
            "d800", "%", "---\n", "...\n", "#", "<<", "\u0000", "\ud800", "0x", "1e9", "@", "`" }
            .Select(text => Gen.Const(text))
            .ToArray());
        piece.Array[0, 30].Sample(pieces =>
        {
            try
            {
                foreach (var document in ConfigurationReader.ParseAll("f", string.Concat(pieces)))
                    document.ToJson();
            }
            catch (BadInputException error)
            {
                Assert.Equal("f", error.File);
            }
        }, iter: 30_000);
    }

    private static string Bad(Action action) => Assert.Throws<BadInputException>(action).Message;

    private static string Bad(Func<object?> action) => Assert.Throws<BadInputException>(action).Message;
}
