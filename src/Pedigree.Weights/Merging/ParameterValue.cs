using System.Text.Json.Nodes;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Methods;

namespace Pedigree.Weights.Merging;

/// <summary>
/// The value of a parameter as mergekit writes it: a number, a gradient over the layers (<c>[0, 0.5, 1]</c>), or a list of
/// <c>{filter, value}</c> of which the first whose filter is part of the tensor's name counts (<c>*</c>
/// or no filter: every name).
/// </summary>
internal sealed class ParameterValue
{
    private readonly IReadOnlyList<(string? Filter, IReadOnlyList<double> Gradient)> _cases;

    private ParameterValue(ConfigurationPlace at, IReadOnlyList<(string?, IReadOnlyList<double>)> cases) =>
        (At, _cases) = (at, cases);

    /// <summary>Where it stands.</summary>
    public ConfigurationPlace At { get; }

    /// <summary>Reads a value and checks its numbers against the parameter's range.</summary>
    /// <exception cref="BadInputException">Names the place.</exception>
    public static ParameterValue Parse(ConfigurationNode node, MergeParameter parameter)
    {
        if (node is not ConfigurationSequence { Items: [ConfigurationMapping, ..] items })
            return new(node.At, [(null, Gradient(node, parameter))]);
        return new(node.At, [.. items.Select(item =>
        {
            var mapping = item.AsMapping();
            var filter = mapping.OptionalString("filter");
            var gradient = Gradient(mapping.Required("value"), parameter);
            mapping.RefuseUnknownKeys();
            return (filter == "*" ? null : filter, gradient);
        })]);
    }

    /// <summary>The value for a tensor at relative depth 0 … 1 of its slice, or null if no filter fits.</summary>
    public double? For(string tensor, double depth)
    {
        foreach (var (filter, gradient) in _cases)
            if (filter is null || tensor.Contains(filter, StringComparison.Ordinal))
                return Interpolate(gradient, depth);
        return null;
    }

    /// <summary>The value in one fixed form.</summary>
    public JsonNode ToJson() =>
        _cases is [(null, var gradient)] ? Json(gradient) : new JsonArray([.. _cases.Select(entry => entry.Filter is null
            ? new JsonObject { ["value"] = Json(entry.Gradient) }
            : new JsonObject { ["filter"] = entry.Filter, ["value"] = Json(entry.Gradient) })]);

    private static JsonNode Json(IReadOnlyList<double> gradient) => gradient.Count == 1
        ? JsonValue.Create(gradient[0]) : new JsonArray([.. gradient.Select(value => JsonValue.Create(value))]);

    private static double Interpolate(IReadOnlyList<double> gradient, double depth)
    {
        var at = depth * (gradient.Count - 1);
        var below = (int)Math.Floor(at);
        var above = Math.Min(below + 1, gradient.Count - 1);
        var part = at - below;
        return ((1 - part) * gradient[below]) + (part * gradient[above]);
    }

    private static IReadOnlyList<double> Gradient(ConfigurationNode node, MergeParameter parameter)
    {
        if (node is ConfigurationMapping)
            throw node.Error("must be a number, a list of numbers, or a list of {filter, value}, even where that has one entry");
        if (node is not ConfigurationSequence sequence)
            return [Number(node, parameter)];
        return sequence.Items.Count > 0 ? [.. sequence.Items.Select(item => Number(item, parameter))]
            : throw node.Error("is an empty list; give a number, a list of numbers, or a list of {filter, value}");
    }

    private static double Number(ConfigurationNode node, MergeParameter parameter)
    {
        var value = node is ConfigurationScalar { Unquoted: bool }
            || parameter.IsFlag && node is not ConfigurationScalar { Unquoted: long or double }
            ? (node.AsBoolean() ? 1 : 0) : node.AsNumber();
        return parameter.WhatIsWrong(value) is { } wrong ? throw node.Error(wrong) : value;
    }
}
