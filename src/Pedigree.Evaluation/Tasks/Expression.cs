using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pedigree.Evaluation.Tasks;

/// <summary>An expression between {{ and }}, a small part of Jinja2's with its meaning.</summary>
internal abstract record Expression
{
    public abstract object? Evaluate(DataRow row);

    /// <summary>A JSON value as string, long, double, bool or, unchanged, an array or object.</summary>
    public static object? Native(JsonNode? node)
    {
        if (node is not JsonValue value)
            return node;
        // One return a type: a conditional would turn them all into JSON again, by JsonNode's implicit conversions.
        switch (value.GetValueKind())
        {
            case JsonValueKind.String:
                return value.GetValue<string>();
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                if (value.TryGetValue<long>(out var whole))
                    return whole;
                return value.GetValue<double>();
        }
    }

    public sealed record Literal(object? Value) : Expression
    {
        public override object? Evaluate(DataRow row) => Value;
    }

    public sealed record Field(string Name) : Expression
    {
        public override object? Evaluate(DataRow row) =>
            row.Fields.TryGetPropertyValue(Name, out var value) ? Native(value)
                : throw row.Bad(Name, $"is missing; the row has {string.Join(", ", row.Fields.Select(field => field.Key))}.");
    }

    /// <summary>target.name, target['name'] or target[number].</summary>
    public sealed record Item(Expression Target, object Key) : Expression
    {
        public override object? Evaluate(DataRow row) => (Target.Evaluate(row), Key) switch
        {
            (JsonObject fields, string name) when fields.TryGetPropertyValue(name, out var value) => Native(value),
            (JsonArray items, long index) when Place(index, items.Count) is { } place => Native(items[place]),
            (IReadOnlyList<string> items, long index) when Place(index, items.Count) is { } place => items[place],
            _ => throw row.Bad(Key.ToString()!, $"is not there to be taken by {{{{…[{Key}]}}}}."),
        };

        private static int? Place(long index, int count) =>
            index < -count || index >= count ? null : (int)(index < 0 ? index + count : index);
    }

    public sealed record Call(Expression Target, string Method, IReadOnlyList<object> Arguments) : Expression
    {
        public override object Evaluate(DataRow row) => (Method, Target.Evaluate(row), Arguments) switch
        {
            ("strip" or "trim", string text, []) => text.Trim(),
            ("lstrip", string text, []) => text.TrimStart(),
            ("rstrip", string text, []) => text.TrimEnd(),
            ("split", string text, [string separator]) => text.Split(separator),
            ("split", string text, [string separator, long times]) => text.Split(separator, (int)times + 1),
            ("int", long whole, []) => whole,
            ("int", string text, []) when long.TryParse(text, out var whole) => whole,
            _ => throw row.Bad(Method, $"{{{{…{Method}}}}} does not fit the value."),
        };
    }

    /// <summary>target.index(value): the place of a value in a list.</summary>
    public sealed record Index(Expression Target, Expression Value) : Expression
    {
        public override object Evaluate(DataRow row)
        {
            var wanted = Value.Evaluate(row);
            var items = Target.Evaluate(row) as JsonArray ?? throw row.Bad("index", "must be taken of a list.");
            for (var i = 0; i < items.Count; i++)
            {
                if (Equals(Native(items[i]), wanted))
                    return (long)i;
            }
            throw row.Bad("index", $"\"{wanted}\" is not in the list.");
        }
    }

    public sealed record Sum(Expression Left, Expression Right, int Sign) : Expression
    {
        public override object Evaluate(DataRow row) => (Left.Evaluate(row), Right.Evaluate(row)) switch
        {
            (long left, long right) => left + Sign * right,
            (string left, string right) when Sign > 0 => left + right,
            _ => throw row.Bad(Sign > 0 ? "+" : "-", "needs two whole numbers, or for + two texts."),
        };
    }
}
