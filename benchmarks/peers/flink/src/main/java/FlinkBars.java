import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;

/**
 * One-second bars by Flink in one process, parallelism 2, at least once.
 *
 * <pre>KafkaSource ──► watermark of each partition ──► keyBy symbol ──► TumblingEventTimeWindows(1 s) ──► KafkaSink</pre>
 */
public final class FlinkBars {
    private static final int PARALLELISM = 2;
    private static final ObjectMapper JSON = new ObjectMapper().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);
    private static final ObjectReader TICK = JSON.readerFor(Tick.class);

    public static final class Tick {
        public String symbol;
        public long timestamp;
        public double price;
        public double size;
    }

    public static final class Bar {
        public String symbol = "";
        public long start;
        public double open;
        public double high;
        public double low;
        public double close;
        public double volume;
        public long tradeCount;
    }

    public static final class FromJson extends AbstractDeserializationSchema<Tick> {
        @Override
        public Tick deserialize(byte[] message) throws IOException {
            return TICK.readValue(message);
        }
    }

    public static final class ToJson implements SerializationSchema<Bar> {
        @Override
        public byte[] serialize(Bar bar) {
            try {
                return JSON.writeValueAsBytes(bar);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    public static final class Aggregate implements AggregateFunction<Tick, Bar, Bar> {
        @Override
        public Bar createAccumulator() {
            return new Bar();
        }

        @Override
        public Bar add(Tick tick, Bar bar) {
            if (bar.tradeCount == 0) {
                bar.symbol = tick.symbol;
                bar.start = tick.timestamp / 1_000_000_000L * 1_000_000_000L;
                bar.open = bar.high = bar.low = tick.price;
            }
            bar.high = Math.max(bar.high, tick.price);
            bar.low = Math.min(bar.low, tick.price);
            bar.close = tick.price;
            bar.volume += tick.size;
            bar.tradeCount++;
            return bar;
        }

        @Override
        public Bar getResult(Bar bar) {
            return bar;
        }

        @Override
        public Bar merge(Bar first, Bar second) {
            throw new UnsupportedOperationException("tumbling windows are not merged");
        }
    }

    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[0], ticks = arguments[1], bars = arguments[2];
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM);
        environment.getConfig().enableObjectReuse();
        KafkaSource<Tick> source = KafkaSource.<Tick>builder()
            .setBootstrapServers(bootstrap)
            .setTopics(ticks)
            .setGroupId("flink")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new FromJson())
            .build();
        KafkaSink<Bar> sink = KafkaSink.<Bar>builder()
            .setBootstrapServers(bootstrap)
            .setRecordSerializer(KafkaRecordSerializationSchema.<Bar>builder().setTopic(bars).setValueSerializationSchema(new ToJson()).build())
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
            .build();
        WatermarkStrategy<Tick> times = WatermarkStrategy.<Tick>forMonotonousTimestamps().withTimestampAssigner((tick, before) -> tick.timestamp / 1_000_000L);
        environment.fromSource(source, times, "ticks")
            .keyBy(tick -> tick.symbol)
            .window(TumblingEventTimeWindows.of(Duration.ofSeconds(1)))
            .aggregate(new Aggregate())
            .sinkTo(sink);
        environment.execute("bars");
    }
}
