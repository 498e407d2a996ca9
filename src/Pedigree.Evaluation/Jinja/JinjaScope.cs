using System.Runtime.CompilerServices;

namespace Pedigree.Evaluation.Jinja;

/// <summary>Names and their values; an inner scope sees the outer one and does not change it.</summary>
internal sealed class JinjaScope
{
    /// <summary>
    /// Turns of loops, calls of macros and other blocks in one text: a template that takes more would hold
    /// up everything without end.
    /// </summary>
    private const int MostBlocks = 1_000_000;

    private readonly JinjaScope? _outer;
    private readonly IReadOnlyDictionary<string, object?>? _given;
    private readonly Dictionary<string, object?> _own = new(StringComparer.Ordinal);

    private readonly StrongBox<int> _blocks;

    public JinjaScope(IReadOnlyDictionary<string, object?> given, bool strict) =>
        (_given, Strict, _blocks) = (given, strict, new());

    private JinjaScope(JinjaScope outer) => (_outer, Strict, _blocks) = (outer, outer.Strict, outer._blocks);

    public bool Strict { get; }

    public JinjaScope Inner() => new(this);

    /// <summary>Counts a block that is written, in whatever scope.</summary>
    /// <exception cref="JinjaException">There were too many.</exception>
    public void CountBlock()
    {
        if (++_blocks.Value > MostBlocks)
            throw new JinjaException($"its loops and macros take more than {MostBlocks} turns; at most that many are taken");
    }

    public void Set(string name, object? value) => _own[name] = value;

    public object? Get(string name)
    {
        for (var scope = this; scope is not null; scope = scope._outer)
        {
            if (scope._own.TryGetValue(name, out var value)
                || scope._given is not null && scope._given.TryGetValue(name, out value))
                return value;
        }
        return JinjaFunctions.Global(name)
            ?? (object)new JinjaUndefined($"`{name}` is not defined; defined are {Known()}", Strict);
    }

    private string Known()
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        for (var scope = this; scope is not null; scope = scope._outer)
            names.UnionWith(scope._own.Keys.Concat(scope._given?.Keys ?? []));
        return names.Count == 0 ? "none" : string.Join(", ", names);
    }
}

/// <summary>What a missing name or member gives: an error when used if strict, else nothing.</summary>
internal sealed record JinjaUndefined(string Why, bool Strict)
{
    public JinjaException Error() => new(Why);
}

/// <summary>namespace(…): values that an inner scope may change.</summary>
internal sealed class JinjaNamespace
{
    public Dictionary<string, object?> Values { get; } = new(StringComparer.Ordinal);
}

/// <summary>Something that can be called.</summary>
internal delegate object? JinjaFunction(IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named);

/// <summary>The variable loop inside a for.</summary>
internal sealed class JinjaLoop(IReadOnlyList<object?> items, int depth)
{
    private object? _changed = new();

    public int At { get; set; }

    public object? Get(string name, bool strict) => name switch
    {
        "index" => At + 1L,
        "index0" => (long)At,
        "revindex" => (long)(items.Count - At),
        "revindex0" => items.Count - At - 1L,
        "first" => At == 0,
        "last" => At == items.Count - 1,
        "length" => (long)items.Count,
        "depth" => (long)depth,
        "depth0" => depth - 1L,
        "previtem" => At > 0 ? items[At - 1] : new JinjaUndefined("there is no previous item", strict),
        "nextitem" => At < items.Count - 1 ? items[At + 1] : new JinjaUndefined("there is no next item", strict),
        "cycle" => (JinjaFunction)((arguments, _) => arguments[At % arguments.Count]),
        "changed" => (JinjaFunction)((arguments, _) => Changed(arguments)),
        _ => new JinjaUndefined($"`loop.{name}` is not defined", strict),
    };

    private object Changed(IReadOnlyList<object?> value)
    {
        var before = _changed;
        _changed = value;
        return before is not IReadOnlyList<object?> || !PythonValue.AreEqual(before, value);
    }
}
